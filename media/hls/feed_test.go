package hls

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"muster/media"
	"muster/media/codec"
)

// clip is a few seconds of encoded media, to be published over and over.
type clip struct {
	formats []*codec.Format
	units   []clipUnit // in the order of sending
	length  time.Duration
}

type clipUnit struct {
	track int
	at    time.Duration // decoding time
	media.Sample
}

// makeClip encodes 4 s with ffmpeg; the arguments choose the codecs.
func makeClip(t testing.TB, container string, args ...string) *clip {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	out := filepath.Join(t.TempDir(), "clip."+container)
	cmd := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=4"}
	if container == "ts" {
		cmd = append(cmd, "-f", "lavfi", "-i", "sine=440:r=48000:d=4")
	}
	cmd = append(append(cmd, "-g", "30", "-pix_fmt", "yuv420p"), args...)
	if b, err := exec.Command("ffmpeg", append(cmd, out)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, b)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	c := &clip{length: 4 * time.Second}
	if container == "ivf" {
		c.readIVF(t, data)
	} else {
		c.readTS(t, data)
	}
	slices.SortStableFunc(c.units, func(a, b clipUnit) int { return int(a.at - b.at) })
	return c
}

func (c *clip) add(track, rate int, pts, dts int64, au [][]byte) {
	c.units = append(c.units, clipUnit{track, media.Seconds(dts, rate), media.Sample{PTS: pts, DTS: dts, HasDTS: true, AU: au}})
}

func (c *clip) readTS(t testing.TB, data []byte) {
	r := &mpegts.Reader{R: bytes.NewReader(data)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	for i, track := range r.Tracks() {
		switch cd := track.Codec.(type) {
		case *codecs.H264:
			c.formats = append(c.formats, codec.NewVideo(codec.H264))
			r.OnDataH264(track, func(pts, dts int64, au [][]byte) error { c.add(i, 90000, pts, dts, au); return nil })
		case *codecs.H265:
			c.formats = append(c.formats, codec.NewVideo(codec.H265))
			r.OnDataH265(track, func(pts, dts int64, au [][]byte) error { c.add(i, 90000, pts, dts, au); return nil })
		case *codecs.MPEG4Audio:
			conf := cd.Config
			c.formats = append(c.formats, codec.NewAAC(&conf))
			r.OnDataMPEG4Audio(track, func(pts int64, aus [][]byte) error {
				pts = rescale(pts, 90000, conf.SampleRate)
				c.add(i, conf.SampleRate, pts, pts, aus)
				return nil
			})
		case *codecs.Opus:
			c.formats = append(c.formats, codec.NewOpus(2))
			r.OnDataOpus(track, func(pts int64, packets [][]byte) error {
				pts = rescale(pts, 90000, 48000)
				c.add(i, 48000, pts, pts, packets)
				return nil
			})
		default:
			t.Fatalf("unexpected codec %T", cd)
		}
	}
	for r.Read() == nil { // until the file's end
	}
}

func (c *clip) readIVF(t testing.TB, data []byte) {
	id := codec.VP9
	if string(data[8:12]) == "AV01" {
		id = codec.AV1
	}
	c.formats = []*codec.Format{codec.NewVideo(id)}
	data = data[32:]
	for n := int64(0); len(data) >= 12; n++ {
		size := binary.LittleEndian.Uint32(data)
		frame := data[12 : 12+size]
		data = data[12+size:]
		au := [][]byte{frame}
		if id == codec.AV1 {
			var tu av1.Bitstream
			if err := tu.Unmarshal(frame); err != nil {
				t.Fatal(err)
			}
			au = tu
		}
		c.add(0, 90000, n*3000, n*3000, au)
	}
}

// loop publishes the clip over and over, speed times as fast as it is, until
// ctx ends.
func (c *clip) loop(ctx context.Context, p *media.Publisher, speed int) {
	start := time.Now()
	first := c.units[0].at
	for round := 0; ; round++ {
		shift := time.Duration(round) * c.length
		for _, u := range c.units {
			due := (u.at - first + shift) / time.Duration(speed)
			if wait := due - time.Since(start); wait > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
			c.write(p, u, shift)
		}
	}
}

func (c *clip) write(p *media.Publisher, u clipUnit, shift time.Duration) {
	s := u.Sample
	s.PTS += media.Ticks(shift, c.formats[u.track].ClockRate)
	s.DTS += media.Ticks(shift, c.formats[u.track].ClockRate)
	s.AU = slices.Clone(s.AU)
	p.Write(u.track, s)
}

// frames decodes an address with ffmpeg for d and returns how many frames it got
// of each stream.
func frames(t *testing.T, url string, d time.Duration) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "warning", "-i", url, "-t", d.String()[:len(d.String())-1], "-f", "framecrc", "-")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, stderr.String())
	}
	n := make(map[string]int)
	for line := range strings.Lines(stdout.String()) {
		if stream, _, ok := strings.Cut(line, ","); ok && !strings.HasPrefix(line, "#") {
			n[strings.TrimSpace(stream)]++
		}
	}
	if stderr.Len() > 0 {
		t.Logf("ffmpeg: %s", stderr.String())
	}
	return n
}
