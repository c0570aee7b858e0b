//go:build !codecs

package main

// withCodecs reports whether the program was built with the tag codecs, behind
// which C codecs live. Streams are carried without decoding and need none.
const withCodecs = false
