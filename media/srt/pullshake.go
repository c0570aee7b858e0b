package srt

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/crypto"
	"github.com/datarhei/gosrt/packet"

	"muster/internal/peer"
)

// flags are what a live receiver has to be able to do (§3.2.1.1.1).
var flags = packet.CIFHandshakeExtensionFlags{TSBPDSND: true, TSBPDRCV: true, CRYPT: true, TLPKTDROP: true, PERIODICNAK: true, REXMITFLG: true}

// rejected is a rejection by the source.
type rejected struct{ code packet.HandshakeType }

func (r *rejected) Error() string {
	words := map[packet.HandshakeType]string{
		1010: "the passphrase is wrong", 1011: "a passphrase is wanted, or none", 1400: "it cannot read the stream id", 1401: "the login is wrong", 1402: "it has too many callers",
		1403: "the login may not", 1404: "it has no such stream", 1408: "the passphrase is wrong",
	}
	if w := words[r.code]; w != "" {
		return fmt.Sprintf("srt: the source refuses with code %d: %s", r.code, w)
	}
	return fmt.Sprintf("srt: the source refuses with code %d", r.code)
}

// shake does the handshake of a caller (§4.3.1).
func (c *call) shake() error {
	limit := time.Now().Add(c.timeout)
	hello := packet.CIFHandshake{
		IsRequest: true, Version: 4, ExtensionField: 2, HandshakeType: packet.HSTYPE_INDUCTION, SRTSocketId: c.own,
		InitialPacketSequenceNumber: circular.New(0, packet.MAX_SEQUENCENUMBER), MaxTransmissionUnitSize: mtu, MaxFlowWindowSize: maxAhead,
	}
	if local := peer.Addr(c.conn.LocalAddr().String()); local.IsValid() {
		hello.PeerIP.FromNetIP(net.IP(local.Addr().AsSlice()))
	}
	a, _, err := c.ask(hello, limit)
	if err != nil {
		return err
	}
	if a.Version != 5 || a.ExtensionField != magic {
		return fmt.Errorf("srt: the source speaks version %d of the handshake, not 5", a.Version)
	}
	real := hello
	real.Version, real.HandshakeType, real.SynCookie, real.InitialPacketSequenceNumber = 5, packet.HSTYPE_CONCLUSION, a.SynCookie, c.first
	ms := uint16(c.o.latency.Milliseconds())
	real.HasHS, real.SRTHS = true, &packet.CIFHandshakeExtension{SRTVersion: srtVersion, SRTFlags: flags, RecvTSBPDDelay: ms, SendTSBPDDelay: ms}
	real.HasSID, real.StreamId = c.o.streamID != "", c.o.streamID
	if c.o.passphrase != "" {
		if err := c.encrypt(&real, a.EncryptionField); err != nil {
			return fmt.Errorf("srt: %w", err)
		}
	}
	a, stamp, err := c.ask(real, limit)
	if err != nil {
		return err
	}
	return c.agree(a, stamp, ms)
}

// encrypt makes a key and wraps it with the passphrase; the source takes it for
// what it sends. advertised is the length that the source wants, in 8 bytes.
func (c *call) encrypt(h *packet.CIFHandshake, advertised uint16) error {
	if advertised >= 2 && advertised <= 4 {
		c.o.keyLength = 8 * int(advertised)
	}
	var err error
	if c.crypt, err = crypto.New(c.o.keyLength); err != nil {
		return err
	}
	h.HasKM, h.SRTKM = true, &packet.CIFKeyMaterialExtension{}
	return c.crypt.MarshalKM(h.SRTKM, c.o.passphrase, packet.EvenKeyEncrypted)
}

// agree checks the source's last word and begins to receive.
func (c *call) agree(a packet.CIFHandshake, stamp uint32, ms uint16) error {
	switch {
	case a.Version != 5 || a.SRTHS == nil || a.SRTSocketId == 0:
		return errBroken
	case a.SRTHS.SRTFlags.STREAM || !a.SRTHS.SRTFlags.TSBPDSND:
		return errors.New("srt: the source does not send a live stream")
	case c.crypt != nil && a.SRTKM != nil && a.SRTKM.Error != 0:
		return &rejected{1010}
	case c.crypt != nil && a.SRTKM == nil:
		return errors.New("srt: the source does not encrypt, but a passphrase is given")
	}
	c.peer, c.first = a.SRTSocketId, a.InitialPacketSequenceNumber
	c.delay = 1000 * int64(max(ms, a.SRTHS.SendTSBPDDelay))
	c.clock.begin(stamp, c.now())
	c.heard = time.Now()
	c.receiver()
	return nil
}

// ask sends a handshake, again and again, until the source answers it. stamp is
// the timestamp of the answer.
func (c *call) ask(h packet.CIFHandshake, limit time.Time) (a packet.CIFHandshake, stamp uint32, err error) {
	for time.Now().Before(limit) {
		if err := c.send(packet.CTRLTYPE_HANDSHAKE, 0, 0, &h, nil); err != nil {
			return a, 0, errUnheard
		}
		again := time.Now().Add(askAgain)
		for time.Now().Before(again) {
			if reason := c.ended.Load(); reason != nil {
				return a, 0, *reason
			}
			b, err := c.receive(again)
			if err != nil {
				return a, 0, err
			}
			a, stamp, ok := c.handshake(b)
			switch {
			case !ok:
			case a.HandshakeType == h.HandshakeType:
				return a, stamp, nil
			case a.HandshakeType.IsRejection():
				return a, 0, &rejected{a.HandshakeType}
			}
		}
	}
	return a, 0, errUnheard
}

// handshake reads a handshake out of a datagram. ok is false for everything else,
// and for what cannot be read: the library indexes into what it takes for
// well-formed.
func (c *call) handshake(b []byte) (a packet.CIFHandshake, stamp uint32, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if len(b) == 0 {
		return a, 0, false
	}
	p, err := packet.NewPacketFromData(nil, b)
	if err != nil {
		return a, 0, false
	}
	h := p.Header()
	// Listeners before libsrt 1.3.1 do not say whom they answer.
	if !h.IsControlPacket || h.ControlType != packet.CTRLTYPE_HANDSHAKE || h.DestinationSocketId != c.own && h.DestinationSocketId != 0 {
		return a, 0, false
	}
	return a, h.Timestamp, p.UnmarshalCIF(&a) == nil
}
