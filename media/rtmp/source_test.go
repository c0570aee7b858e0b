package rtmp

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// bench is a source on a real router.
type bench struct {
	*source
	t      *testing.T
	router *media.Router
	now    time.Time
	reader *media.Reader
}

func newBench(t *testing.T) *bench {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := &bench{t: t, now: time.Now(), router: media.New(media.DefaultConfig(), auth.NewSessions(nil), bus.New(), log)}
	b.source = &source{log: log, tracks: make(map[trackID]*inTrack)}
	b.publish = func(f []*codec.Format) (*media.Publisher, error) {
		p, err := b.router.Publish(media.PublishRequest{
			Identity: pilot, Client: media.Client{Protocol: "rtmp"}, Name: safename.MustParse("cam"), Formats: f, Kick: func(error) {},
		})
		if err == nil {
			t.Cleanup(func() { p.Close(nil) })
			b.reader, err = b.router.Read(media.ReadRequest{Identity: pilot, Name: safename.MustParse("cam"), Start: media.StartLastKey, Kick: func(error) {}})
		}
		return p, err
	}
	return b
}

func (b *bench) at(ms uint32, typ uint8, body ...byte) {
	b.t.Helper()
	if err := b.message(message{typ: typ, time: ms, body: body}, b.now); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) pull(n int) []media.Delivery {
	b.t.Helper()
	out := make([]media.Delivery, 0, n)
	for len(out) < n {
		batch := make([]media.Delivery, n-len(out))
		got, err := b.reader.Pull(batch)
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, batch[:got]...)
	}
	return out
}

// avcConfig is an H264 configuration tag with two picture parameter sets, which
// some encoders send.
func avcConfig() []byte {
	b := []byte{0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 40, 0xFF, 0xE1}
	b = appendPrefixed(b, avcSPS)
	b = append(b, 2)
	b = appendPrefixed(b, avcPPS)
	return appendPrefixed(b, avcPPS)
}

var (
	avcIDR   = []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 1}
	avcInter = []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 1}
	avcSEI   = []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 4, 0x06, 5, 1, 0x80}
	aacStart = []byte{0xAF, 0, 0x11, 0x90}
	aacFrame = []byte{0xAF, 1, 0x21, 0x10, 4}
)

func TestReadyAtOnceWhenAllIsKnown(t *testing.T) {
	b := newBench(t)
	b.meta(amf0.Data{"@setDataFrame", "onMetaData", amf0.ECMAArray{{Key: "videocodecid", Value: 7.0}, {Key: "audiocodecid", Value: 10.0}}})
	b.at(0, typeVideo, avcConfig()...)
	b.at(0, typeVideo, avcIDR...)
	if b.out != nil {
		t.Fatal("live before the audio that was promised")
	}
	b.at(0, typeAudio, aacStart...)
	b.at(5, typeAudio, aacFrame...)
	if b.out == nil || len(b.out.Stream().Tracks) != 2 {
		t.Fatal("not live")
	}
}

func TestVideoOnlyWithoutMetadata(t *testing.T) {
	b := newBench(t)
	b.at(0, typeVideo, avcConfig()...)
	b.at(0, typeVideo, avcIDR...)
	for ms := uint32(40); b.out == nil; ms += 40 {
		if ms > 600 {
			t.Fatal("not live after half a second of media")
		}
		b.at(ms, typeVideo, avcInter...)
	}
	if got := b.pull(5); !got[0].Key || got[0].PTS != 0 || got[4].PTS != 160*90 {
		t.Fatalf("%+v", got)
	}
	b.at(9000, typeAudio, aacStart...) // too late: left out, no harm
	b.at(9000, typeAudio, aacFrame...)
}

func TestOddEncoders(t *testing.T) {
	b := newBench(t)
	b.meta(amf0.Data{"onMetaData", amf0.Object{{Key: "videocodecid", Value: "avc1"}, {Key: "hasAudio", Value: false}}})
	b.at(1000, typeVideo, avcConfig()...)
	b.at(1000, typeVideo, avcSEI...) // a message with nothing but SEI
	b.at(1000, typeVideo, avcIDR...)
	b.at(1040, typeVideo, 0x27, 1, 0, 0, 0, 0, 0, 9, 9, 1) // a NAL unit that ends nowhere
	b.at(1040, typeVideo, 0x22, 0)                         // Sorenson H.263
	b.at(1040, typeAudio, 0x50, 1, 2)                      // Nellymoser
	b.at(1080, typeVideo, avcInter...)
	b.at(1080, typeVideo, avcInter...) // the same time again
	b.at(1020, typeVideo, avcInter...) // and time running backwards
	b.at(1120, typeVideo, avcInter...)
	b.at(500, typeVideo, avcInter...)             // a little back is tolerated
	b.at(4_000_000_000, typeVideo, avcInter...)   // a new count
	b.at(4_000_000_040, typeVideo, avcInter...)   // goes on from there
	b.at(0x17, typeVideo, 0x17, 1, 0, 0, 0, 0)    // junk
	b.at(0x17, typeVideo, 0x97, 0xFF, 0xFF)       // extension cut off
	b.at(0x17, typeVideo, []byte("\x93xxxxx")...) // unknown codec
	if b.out == nil {
		t.Fatal("not live")
	}
	got := b.pull(8)
	if len(got[0].AU) < 4 || got[0].AU[len(got[0].AU)-1][0] != 0x65 {
		t.Errorf("the key frame has %d NAL units", len(got[0].AU))
	}
	for i := 1; i < len(got); i++ {
		if got[i].DTS <= got[i-1].DTS || got[i].PTS < got[i].DTS || got[i].DTS-got[i-1].DTS > 90000 {
			t.Errorf("unit %d: PTS %d DTS %d after DTS %d", i, got[i].PTS, got[i].DTS, got[i-1].DTS)
		}
	}
	if b.malformed == 0 {
		t.Error("nothing counted as malformed")
	}
}

func TestAudioTimesAreSmoothed(t *testing.T) {
	b := newBench(t)
	b.meta(amf0.Data{"onMetaData", amf0.Object{{Key: "audiocodecid", Value: 10.0}}})
	b.at(0, typeAudio, aacStart...)
	for i := range 100 {
		b.at(uint32(float64(i)*1024/48+0.5), typeAudio, aacFrame...)
	}
	b.at(5000, typeAudio, aacFrame...) // a real gap stays
	got := b.pull(101)
	for i := range 100 {
		if got[i].PTS != int64(i)*1024 {
			t.Fatalf("frame %d at %d", i, got[i].PTS)
		}
	}
	if got[100].PTS != 5*48000 {
		t.Errorf("after the gap: %d", got[100].PTS)
	}
}
