package rtmp

import (
	"encoding/binary"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"muster/media/codec"
)

// parseAVC reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1):
// the parameter sets and how many bytes a NAL unit's length has.
func parseAVC(b []byte) (params [][]byte, lengthSize int, err error) {
	if len(b) < 7 {
		return nil, 0, fmt.Errorf("%w: H264 configuration of %d bytes", errProtocol, len(b))
	}
	lengthSize = int(b[4]&3) + 1
	count := int(b[5] & 0x1F)
	b = b[6:]
	for range 2 { // sequence parameter sets, then picture parameter sets
		for range count {
			var nalu []byte
			if nalu, b, err = lengthPrefixed(b); err != nil {
				return nil, 0, err
			}
			params = append(params, nalu)
		}
		if len(b) == 0 {
			break
		}
		count, b = int(b[0]), b[1:]
	}
	return params, lengthSize, nil
}

// parseHEVC reads an HEVCDecoderConfigurationRecord (§8.3.3.1).
func parseHEVC(b []byte) (params [][]byte, lengthSize int, err error) {
	if len(b) < 23 {
		return nil, 0, fmt.Errorf("%w: H265 configuration of %d bytes", errProtocol, len(b))
	}
	lengthSize = int(b[21]&3) + 1
	arrays := int(b[22])
	b = b[23:]
	for range arrays {
		if len(b) < 3 {
			return nil, 0, fmt.Errorf("%w: H265 configuration cut off", errProtocol)
		}
		count := int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range count {
			var nalu []byte
			if nalu, b, err = lengthPrefixed(b); err != nil {
				return nil, 0, err
			}
			params = append(params, nalu)
		}
	}
	return params, lengthSize, nil
}

// lengthPrefixed cuts the first NAL unit of 16-bit length off b.
func lengthPrefixed(b []byte) (nalu, rest []byte, err error) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, nil, fmt.Errorf("%w: parameter set cut off", errProtocol)
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n:n], b[n:], nil
}

// parseAV1 returns the sequence header in an AV1CodecConfigurationRecord
// (AV1-ISOBMFF §2.3.3), nil if it has none.
func parseAV1(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: AV1 configuration of %d bytes", errProtocol, len(b))
	}
	if len(b) == 4 {
		return nil, nil
	}
	var obus av1.Bitstream
	if err := obus.Unmarshal(b[4:]); err != nil {
		return nil, fmt.Errorf("%w: AV1 configuration: %w", errProtocol, err)
	}
	for _, obu := range obus {
		if len(obu) > 0 && av1.OBUType(obu[0]>>3&0x0F) == av1.OBUTypeSequenceHeader {
			return obu, nil
		}
	}
	return nil, nil
}

// splitNALUs splits an access unit whose NAL units have lengths of size bytes
// before them.
func splitNALUs(b []byte, size int) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		if len(b) < size {
			return nil, fmt.Errorf("%w: NAL unit cut off", errProtocol)
		}
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		b = b[size:]
		if n > len(b) {
			return nil, fmt.Errorf("%w: NAL unit cut off", errProtocol)
		}
		if n > 0 {
			out = append(out, b[:n:n])
		}
		b = b[n:]
	}
	return out, nil
}

// hasPicture reports whether an access unit holds a slice of a picture.
func hasPicture(id codec.ID, au [][]byte) bool {
	for _, nalu := range au {
		switch id {
		case codec.H264:
			if t := nalu[0] & 0x1F; t >= 1 && t <= 5 {
				return true
			}
		case codec.H265:
			if t := nalu[0] >> 1 & 0x3F; t < 32 {
				return true
			}
		}
	}
	return false
}

// avcRecord returns the configuration record of f, which is Complete.
func avcRecord(f *codec.Format) []byte {
	if len(f.SPS) < 4 {
		return nil
	}
	b := []byte{1, f.SPS[1], f.SPS[2], f.SPS[3], 0xFC | 3, 0xE0 | 1}
	b = appendPrefixed(b, f.SPS)
	b = append(b, 1)
	return appendPrefixed(b, f.PPS)
}

// hevcRecord returns the configuration record of f, which is Complete, or nil
// if its parameter sets cannot be read.
func hevcRecord(f *codec.Format) []byte {
	var sps h265.SPS
	plain := h264.EmulationPreventionRemove(f.SPS)
	if len(plain) < 15 || sps.Unmarshal(f.SPS) != nil {
		return nil
	}
	b := []byte{1}
	b = append(b, plain[3:15]...) // profile, tier, level
	b = append(b,
		0xF0, 0, // spatial segmentation: unknown
		0xFC,
		0xFC|byte(sps.ChromaFormatIdc&3),
		0xF8|byte(sps.BitDepthLumaMinus8&7),
		0xF8|byte(sps.BitDepthChromaMinus8&7),
		0, 0, // frame rate: unknown
		1<<3|3, // one temporal layer, lengths of 4 bytes
		3)
	for i, nalu := range [][]byte{f.VPS, f.SPS, f.PPS} {
		b = append(b, 0x80|byte(32+i), 0, 1) // complete array of VPS, SPS, PPS
		b = appendPrefixed(b, nalu)
	}
	return b
}

// av1Record returns the configuration record of f, which is Complete.
func av1Record(f *codec.Format) []byte {
	var sh av1.SequenceHeader
	if sh.Unmarshal(f.Config) != nil {
		return nil
	}
	level := byte(8)
	if len(sh.SeqLevelIdx) > 0 {
		level = sh.SeqLevelIdx[0] & 0x1F
	}
	flags := byte(0)
	if len(sh.SeqTier) > 0 && sh.SeqTier[0] {
		flags |= 0x80
	}
	c := sh.ColorConfig
	for _, bit := range []struct {
		set  bool
		mask byte
	}{{c.HighBitDepth, 0x40}, {c.TwelveBit, 0x20}, {c.MonoChrome, 0x10}, {c.SubsamplingX, 8}, {c.SubsamplingY, 4}} {
		if bit.set {
			flags |= bit.mask
		}
	}
	obu, err := av1.Bitstream{f.Config}.Marshal()
	if err != nil {
		return nil
	}
	return append([]byte{0x81, sh.SeqProfile<<5 | level, flags, 0}, obu...)
}

func appendPrefixed(b, nalu []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(nalu)))
	return append(b, nalu...)
}
