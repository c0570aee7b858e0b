//go:build !codecs

package test

const codecsEnabled = false
