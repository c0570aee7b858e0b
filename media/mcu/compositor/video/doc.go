// Package video decodes, scales, blends and encodes pictures with openh264,
// libvpx and libyuv. It has something in it only when the program is built
// with C and the tag codecs, and it is for the compositor's child process: a
// bitstream that a library trips over ends the process it is decoded in.
package video
