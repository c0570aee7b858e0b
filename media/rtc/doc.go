// Package rtc is WebRTC for the hub: publishing with WHIP (RFC 9725), watching
// with WHEP, and two small pages that do both in a browser.
//
// All media of all peers runs over one UDP port; clients on networks that let no
// UDP out connect by TCP to the port of HTTPS (ICE-TCP, RFC 6544). The server is an ICE-lite agent
// (RFC 8445 §2.5): it answers connectivity checks and sends none, so candidates
// that a client names are never contacted and nothing but a validated address
// receives a byte.
//
// A viewer costs little: packets are those that the hub made once for everybody,
// each viewer has its own sequence numbers, a history of references for
// retransmissions, and one system call per frame. Nothing is decoded here, and
// nothing is adapted to a viewer's bandwidth: there is one quality, so viewers are
// not asked for the feedback (transport-wide congestion control) that choosing
// among several would need. Publishers get that feedback, their encoders adapt.
package rtc
