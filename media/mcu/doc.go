// Package mcu is the rooms: whoever takes part in a conversation, by browser,
// SIP phone, Mumble or as a video feed, is a Participant of a Room, and a room
// is itself a stream.
//
// A packet's way: a leg (a protocol server's side of one participant) writes
// what it receives to an AudioIn or a Track. Opus goes untouched to the legs
// that listen to single voices (browsers), video to the legs whose View shows
// the track. A mix is made only for legs that need one (AudioOut), every 20 ms,
// by the room's one goroutine, which runs while there is sound to carry.
//
// The package knows no sockets and no protocols. Rights are asked of auth.Allow
// at the door; what a participant may do inside follows from its Role.
package mcu
