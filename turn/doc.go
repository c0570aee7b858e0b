// Package turn is the STUN and TURN server (RFC 8489, RFC 8656): it tells clients
// which address they have, and relays their packets where no direct way leads.
// Clients reach it over UDP, and over TCP and TLS through a door that finds STUN
// on a port it shares.
//
// It is never an open relay. Nothing is relayed without a credential, which is
// made for an identity, ends by itself, and is worth nothing once that identity
// has no rights any more; and peers are only addresses that the policy allows.
//
// Relays are UDP (no RFC 6062), and mobility (RFC 8016) is not offered. The data
// path does not go through Go's poller where the kernel is Linux: see engine_linux.go.
package turn
