// Package wire reads and writes CoT events: XML ("protocol version 0"), the TAK
// protocol version 1 (protobuf), and the framing of both on streams and
// datagrams. It is pure: functions on bytes, no I/O, no clock.
//
// An event that was read is well-formed (tags nest, attributes are quoted and
// unique, only the five entities and character references occur, no DOCTYPE, no
// processing instructions, valid UTF-8) and within the limits, so that its bytes
// may be handed to other clients as they are. What is not understood is carried
// through untouched.
package wire
