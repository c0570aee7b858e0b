package opus

// Samples returns the duration of a packet in samples per channel at 48 kHz,
// from its TOC byte and its count of frames (RFC 6716 §3.1, §3.2). It looks at
// no more than two bytes.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, ErrPacket
	}
	frame := frameSamples(packet[0])
	count := 1
	switch packet[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(packet) < 2 {
			return 0, ErrPacket
		}
		count = int(packet[1] & 0x3f)
	}
	n := frame * count
	if n == 0 || n > MaxSamples {
		return 0, ErrPacket
	}
	return n, nil
}

// frameSamples returns the length of each frame behind a TOC byte.
func frameSamples(toc byte) int {
	config := toc >> 3
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		return [2]int{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		return 120 << (config & 3)
	}
}

// Stereo tells whether a packet was coded with two channels. A packet of no
// bytes is none.
func Stereo(packet []byte) bool {
	return len(packet) > 0 && packet[0]&4 != 0
}

// Silent tells whether a packet holds nothing that could be heard: the one or
// two bytes that an Encoder with DTX makes during silence. Such packets need
// not be sent.
func Silent(packet []byte) bool {
	return len(packet) <= 2
}

// checkFrames checks the lengths that a packet states for its frames against
// the bytes that are there (RFC 6716 §3.4, requirements R1 to R7), so that
// both implementations refuse the same packets.
func checkFrames(packet []byte) error {
	if _, err := Samples(packet); err != nil {
		return err
	}
	if len(packet) > maxReceived {
		return ErrPacket
	}
	rest := packet[1:]
	switch packet[0] & 3 {
	case 0:
		return checkFrame(len(rest))
	case 1:
		if len(rest)%2 != 0 {
			return ErrPacket
		}
		return checkFrame(len(rest) / 2)
	case 2:
		first, n := frameLength(rest)
		if n == 0 || first > len(rest)-n {
			return ErrPacket
		}
		return checkFrame(len(rest) - n - first)
	}
	return checkMany(rest)
}

// checkMany checks a packet of code 3 behind its TOC byte (RFC 6716 §3.2.5).
func checkMany(b []byte) error {
	head, b := b[0], b[1:]
	count := int(head & 0x3f)
	if head&0x40 != 0 {
		var err error
		if b, err = dropPadding(b); err != nil {
			return err
		}
	}
	if head&0x80 == 0 {
		if len(b)%count != 0 {
			return ErrPacket
		}
		return checkFrame(len(b) / count)
	}
	stated := 0
	for range count - 1 {
		length, n := frameLength(b)
		if n == 0 {
			return ErrPacket
		}
		b = b[n:]
		stated += length
	}
	return checkFrame(len(b) - stated)
}

// dropPadding removes the length of the padding from the front of b and the
// padding from its end.
func dropPadding(b []byte) ([]byte, error) {
	padding := 0
	for {
		if len(b) == 0 {
			return nil, ErrPacket
		}
		v := int(b[0])
		b = b[1:]
		if v != 255 {
			padding += v
			break
		}
		padding += 254
	}
	if padding > len(b) {
		return nil, ErrPacket
	}
	return b[:len(b)-padding], nil
}

func checkFrame(n int) error {
	if n < 0 || n > MaxPacket-1 {
		return ErrPacket
	}
	return nil
}

// frameLength reads a length of one or two bytes (RFC 6716 §3.2.1) and says
// how many it took, 0 if it is cut short.
func frameLength(b []byte) (length, n int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] < 252:
		return int(b[0]), 1
	case len(b) < 2:
		return 0, 0
	}
	return int(b[1])*4 + int(b[0]), 2
}
