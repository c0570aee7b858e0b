//go:build codecs && cgo

package compositor

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCompose is what one picture of four people costs a child: four
// decodes of 360p in H264 and VP8, and 720p encoded in the named codecs.
func BenchmarkCompose(b *testing.B) {
	var inputs [4][]frame
	codecs := [4]string{H264, VP8, H264, VP8}
	for i, source := range []string{
		"testsrc2=s=640x360", "gradients=s=640x360:speed=0.02", "testsrc=s=640x360", "gradients=s=640x360:speed=0.01:c0=navy:c1=teal",
	} {
		inputs[i] = clip(b, codecs[i], source)
	}
	for _, outputs := range [][]string{nil, {H264}, {VP8}, {H264, VP8}} {
		b.Run(fmt.Sprint(outputs), func(b *testing.B) {
			w := newWorker(io.Discard)
			s := quad(1280, 720)
			st := state{Scenes: map[string]sceneState{"": {Scene: s, Inputs: []uint32{1, 2, 3, 4}, Notes: make([]string, 4)}}}
			for i, codec := range codecs {
				st.Inputs = append(st.Inputs, inputState{uint32(i + 1), codec})
			}
			for i, codec := range outputs {
				cfg := OutputConfig{Codec: codec, Width: 1280, Height: 720, FPS: 25, Bitrate: 1_500_000}
				st.Outputs = append(st.Outputs, outputState{uint32(i + 1), cfg})
			}
			text, _ := json.Marshal(st)
			if err := w.setState(text); err != nil {
				b.Fatal(err)
			}
			now, buf := time.Now(), []byte(nil)
			before := cpu()
			for n := 0; b.Loop(); n++ {
				for i, frames := range inputs {
					f := frames[n%len(frames)]
					buf = appendFrame(buf[:0], uint32(i+1), codecs[i], f.au)
					if err := w.take(message{msgFrame, buf[5:]}); err != nil {
						b.Fatal(err)
					}
				}
				now = now.Add(40 * time.Millisecond)
				if err := w.compose(now); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpu()-before).Seconds()*1000/float64(b.N), "cpu-ms/frame")
			b.ReportMetric(float64(w.report.Encoded)/float64(b.N), "encoded/frame")
			b.ReportMetric(0, "ns/op")
			if w.report.Failed > 0 {
				b.Errorf("%d frames did not decode", w.report.Failed)
			}
			w.setInputs(nil)
			w.setOutputs(nil)
		})
	}
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
