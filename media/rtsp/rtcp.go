package rtsp

import (
	"encoding/binary"
	"time"
)

// RTCP packet types (RFC 3550 §12.1).
const (
	rtcpSenderReport   = 200
	rtcpReceiverReport = 201
	rtcpSDES           = 202
	rtcpBye            = 203
)

// reportEvery is the time between two RTCP reports on a track.
const reportEvery = 5 * time.Second

// senderReport ties a source's RTP time to wall clock time (RFC 3550 §6.4.1).
type senderReport struct {
	ssrc uint32
	ntp  uint64
	rtp  uint32
}

// senderReports returns the sender reports of a compound RTCP packet. What is
// not RTCP ends the search.
func senderReports(b []byte) []senderReport {
	var out []senderReport
	for len(b) >= 8 && b[0]>>6 == 2 {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			break
		}
		if b[1] == rtcpSenderReport && size >= 28 {
			out = append(out, senderReport{
				ssrc: binary.BigEndian.Uint32(b[4:]),
				ntp:  binary.BigEndian.Uint64(b[8:]),
				rtp:  binary.BigEndian.Uint32(b[16:]),
			})
		}
		b = b[size:]
	}
	return out
}

// appendSenderReport appends a compound packet: a sender report without blocks
// and the CNAME that every compound must have (RFC 3550 §6.1), the same for all
// tracks so that players know they belong together.
func appendSenderReport(b []byte, sr senderReport, packets, octets uint32, cname string) []byte {
	b = append(b, 0x80, rtcpSenderReport, 0, 6)
	b = binary.BigEndian.AppendUint32(b, sr.ssrc)
	b = binary.BigEndian.AppendUint64(b, sr.ntp)
	b = binary.BigEndian.AppendUint32(b, sr.rtp)
	b = binary.BigEndian.AppendUint32(b, packets)
	b = binary.BigEndian.AppendUint32(b, octets)

	cname = cname[:min(len(cname), 255)]
	size := 4 + 2 + len(cname) + 1 // SSRC, item, at least one null
	size = (size + 3) / 4 * 4
	b = append(b, 0x81, rtcpSDES, 0, byte(size/4))
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, sr.ssrc)
	b = append(b, 1, byte(len(cname)))
	b = append(b, cname...)
	return append(b, make([]byte, size-(len(b)-start))...)
}

// appendBye appends a BYE (RFC 3550 §6.6).
func appendBye(b []byte, ssrc uint32) []byte {
	b = append(b, 0x81, rtcpBye, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

// ntpEpoch is the Unix time of NTP's zero, 1900-01-01 (RFC 3550 §4).
const ntpEpoch = -2208988800

func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()-ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

func fromNTP(v uint64) time.Time {
	return time.Unix(int64(v>>32)+ntpEpoch, int64(v&0xffffffff*1e9>>32))
}
