package srt

import (
	"fmt"
	"reflect"

	gosrt "github.com/datarhei/gosrt"
)

// leastMTU is the smallest packet, with the headers of UDP and SRT, that a TS
// packet fits into.
const leastMTU = 28 + 16 + 188

// sound refuses handshakes that the library lets pass and that end or stop the
// process once the connection exists:
//
// In sessions of version 4, an answer that nobody asked for makes it panic in a
// goroutine of its own. Callers since 2018 speak version 5, and only that has
// stream ids.
//
// A packet size below that of the headers wraps round to a buffer of 4 GiB, made
// while all other packets wait; one little above it makes a buffer that holds
// nothing.
func sound(req gosrt.ConnRequest) (gosrt.RejectionReason, error) {
	if v := req.Version(); v != 5 {
		return rejectVersion, fmt.Errorf("version %d of the handshake, not 5", v)
	}
	if n := mtuOf(req); n < leastMTU {
		return rejectRogue, fmt.Errorf("packets of %d bytes, at least %d are needed", n, leastMTU)
	}
	return 0, nil
}

// mtuOf returns the packet size that the caller asked for, which the library
// does not show; 0 when it cannot be found out.
func mtuOf(req gosrt.ConnRequest) uint64 {
	v := reflect.Indirect(reflect.ValueOf(req))
	if v.Kind() != reflect.Struct {
		return 0
	}
	handshake := reflect.Indirect(v.FieldByName("handshake"))
	if handshake.Kind() != reflect.Struct {
		return 0
	}
	size := handshake.FieldByName("MaxTransmissionUnitSize")
	if !size.CanUint() {
		return 0
	}
	return size.Uint()
}
