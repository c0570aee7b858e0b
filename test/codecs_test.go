//go:build codecs

package test

// codecsEnabled: the server under test is built with the video codecs, too.
const codecsEnabled = true
