//go:build !codecs

package main

// withCodecs reports whether the C codecs were compiled in (build tag codecs).
const withCodecs = false
