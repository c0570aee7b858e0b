package codec

import (
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

var noMedia description.Media

type frameDecoder interface {
	Decode(*rtp.Packet) ([]byte, error)
}

type unitDecoder interface {
	Decode(*rtp.Packet) ([][]byte, error)
}

// units adapts the result of a CreateDecoder whose Decode returns access units.
func units[D unitDecoder](d D, err error) (func(*rtp.Packet) ([][]byte, error), error) {
	return d.Decode, err
}

// frames adapts the result of a CreateDecoder whose Decode returns one frame.
func frames[D frameDecoder](d D, err error) (func(*rtp.Packet) ([][]byte, error), error) {
	return func(pkt *rtp.Packet) ([][]byte, error) {
		frame, err := d.Decode(pkt)
		if err != nil {
			return nil, err
		}
		return [][]byte{frame}, nil
	}, err
}

func decoder(sf format.Format) (func(*rtp.Packet) ([][]byte, error), error) {
	switch sf := sf.(type) {
	case *format.H264:
		return units(sf.CreateDecoder())
	case *format.H265:
		return units(sf.CreateDecoder())
	case *format.AV1:
		return units(sf.CreateDecoder())
	case *format.VP8:
		return frames(sf.CreateDecoder())
	case *format.VP9:
		return frames(sf.CreateDecoder())
	case *format.MPEG4Video:
		return frames(sf.CreateDecoder())
	case *format.MPEG1Video:
		return frames(sf.CreateDecoder())
	case *format.MJPEG:
		return frames(sf.CreateDecoder())
	case *format.Opus:
		return frames(sf.CreateDecoder())
	case *format.MPEG4Audio:
		return units(sf.CreateDecoder())
	case *format.MPEG1Audio:
		return units(sf.CreateDecoder())
	case *format.AC3:
		return units(sf.CreateDecoder())
	case *format.G711:
		return frames(sf.CreateDecoder())
	case *format.G722:
		return frames(sf.CreateDecoder())
	case *format.LPCM:
		return frames(sf.CreateDecoder())
	case *format.KLV:
		return frames(sf.CreateDecoder())
	}
	return nil, errors.New("no RTP payload format")
}
