package mcu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
	"muster/media/codec"
)

// stream is a room as a stream that every player opens: its picture and its mix.
// They are made only while somebody receives them.
type stream struct {
	room *Room
	wake chan struct{} // holds one when the audience or the groups may have changed

	mu     sync.Mutex // guards what follows
	cancel func()     // ends the goroutine; nil before it runs
	over   bool

	audience atomic.Pointer[media.Audience]
	pub      atomic.Pointer[media.Publisher] // nil until it is live
	ask      atomic.Pointer[Picture]         // whose key frames the readers get; nil: nobody watches

	// Owned by the goroutine, but for next, which the sender of the mix owns.
	video, audio int // indexes of the tracks; -1: there is none
	picture      *Picture
	mix          *AudioOut
	next         int64 // time of the next sound, ticks
}

// The stream's sound is Opus, whose clock is that of the mix.
var streamSound = AudioFormat{Codec: codec.Opus}

const (
	streamKeyEvery = 2 * time.Second        // between key frames: how long one waits for HLS
	soundDrift     = 200 * time.Millisecond // of the mix from the clock, before its time is set anew
	paramsWait     = 5 * time.Second        // for the first picture of the compositor
)

// ErrNoStream: nobody is in the room, or its stream is being prepared.
var ErrNoStream = errors.New("the room's stream is not there; try again in a moment")

func newStream(m *Room) *stream {
	s := &stream{room: m, wake: make(chan struct{}, 1), video: -1}
	s.audience.Store(&media.Audience{})
	return s
}

// start makes the stream live, in a goroutine that lasts as long as the room.
func (s *stream) start() {
	if group := s.room.rooms.goroutines(); group != nil {
		group.Go(s.run)
	}
}

// stop ends the stream for good.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.cancel != nil {
		s.cancel()
	}
}

// changed makes the goroutine look. It does not block.
func (s *stream) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// watching returns how many receive the stream.
func (s *stream) watching() int { return s.audience.Load().Clients }

// run keeps the stream live until the room is over.
func (s *stream) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.cancel = cancel
	if s.over {
		cancel()
	}
	s.mu.Unlock()
	name, err := safename.Parse(s.room.settings().Stream())
	if err != nil {
		s.room.log.Error("the room has no stream", "error", err)
		return
	}
	formats := []*codec.Format{codec.NewOpus(1)}
	if f := s.room.rooms.pictureFormat(ctx, s.room); f != nil {
		formats, s.video = []*codec.Format{f, formats[0]}, 0
	}
	s.audio = len(formats) - 1
	for ctx.Err() == nil {
		if err := s.serve(ctx, name, formats); err != nil {
			if ctx.Err() == nil {
				s.room.log.Warn("the room has no stream", "error", err)
			}
			return
		}
	}
}

// serve keeps the stream live for the groups that the room has now. It returns
// nil when they have changed.
func (s *stream) serve(ctx context.Context, name safename.Name, formats []*codec.Format) error {
	groups := s.room.settings().Groups
	pub, err := s.room.rooms.deps.Router.Publish(media.PublishRequest{
		Identity: auth.System("room"), Client: media.Client{Protocol: "room", Agent: s.room.settings().Title},
		Name: name, Groups: groups, Formats: formats, Kick: func(error) { s.stop() },
		KeyFrame: s.keyFrame, Admit: s.admits,
		Audience: func(a media.Audience) {
			s.audience.Store(&a)
			s.changed()
		},
	})
	if err != nil {
		return err
	}
	s.pub.Store(pub)
	s.room.checkRecorded()
	defer func() {
		s.pub.Store(nil)
		pub.Close(nil)
		s.idle()
		s.audience.Store(&media.Audience{})
		s.room.checkRecorded()
	}()
	var told int
	keys := time.NewTicker(streamKeyEvery)
	defer keys.Stop()
	keys.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-keys.C:
			s.keyFrame()
		case <-s.wake:
		}
		if !slices.Equal(groups, s.room.settings().Groups) {
			return nil
		}
		a := s.audience.Load()
		switch {
		case a.Readers == 0:
			s.idle()
			keys.Stop()
		case s.mix == nil:
			s.begin(pub)
			keys.Reset(streamKeyEvery)
		}
		if a.Clients != told {
			told = a.Clients
			s.room.tellRoom()
		}
	}
}

// admits says who may open the stream while the room's door is closed: who may
// come in, or let others in.
func (s *stream) admits(id auth.Identity) bool {
	set := s.room.settings()
	return !set.Lobby && !set.Locked || id.System || HostOf(id, set)
}

// keyFrame asks for a key frame of what is sent, if anything is.
func (s *stream) keyFrame() {
	if ask := s.ask.Load(); ask != nil {
		ask.RequestKeyFrame()
	}
}

// begin makes picture and mix.
func (s *stream) begin(pub *media.Publisher) {
	if s.video >= 0 {
		v, err := s.room.pictures.open(nil, PictureSpec{Codec: codec.H264, Width: pictureSizes[0].width, Height: pictureSizes[0].height, HighProfile: true}, func(f Frame) {
			pub.Write(s.video, media.Sample{PTS: media.Ticks(f.PTS, videoClock), AU: f.AU})
		})
		if err != nil {
			s.room.log.Warn("the room's stream has no picture", "error", err)
		}
		s.picture = v
		s.ask.Store(v)
	}
	s.mix = s.room.sound.hear(nil, streamSound, func(payload []byte) {
		now := media.Ticks(time.Since(s.room.pictures.began), mixRate)
		if d := now - s.next; d > media.Ticks(soundDrift, mixRate) || d < -media.Ticks(soundDrift, mixRate) {
			s.next = now
		}
		pub.Write(s.audio, media.Sample{PTS: s.next, AU: [][]byte{slices.Clone(payload)}})
		s.next += frame
	})
}

// idle ends what nobody receives.
func (s *stream) idle() {
	if s.picture != nil {
		s.ask.Store(nil)
		s.picture.Close()
		s.picture = nil
	}
	if s.mix != nil {
		s.mix.Close()
		s.mix = nil
	}
}

// pictureFormat returns the format of composites for streams, whose readers want
// to know it before the first picture. The compositor makes one to learn it; nil
// means that it makes none.
func (r *Rooms) pictureFormat(ctx context.Context, m *Room) *codec.Format {
	if m.pictures.comp == nil {
		return nil
	}
	r.probe.Lock()
	defer r.probe.Unlock()
	if r.composed != nil {
		return r.composed
	}
	found := make(chan *codec.Format, 1)
	v, err := m.pictures.open(nil, PictureSpec{Codec: codec.H264, Width: pictureSizes[0].width, Height: pictureSizes[0].height, composed: true}, func(f Frame) {
		if _, format, _ := codec.Normalize(codec.NewVideo(codec.H264), f.AU); format.Complete() {
			select {
			case found <- format:
			default:
			}
		}
	})
	if err != nil {
		return nil
	}
	defer v.Close()
	select {
	case r.composed = <-found:
		return r.composed
	case <-time.After(paramsWait):
		m.log.Warn("the compositor makes no picture; the room's stream has sound only")
	case <-ctx.Done():
	}
	return nil
}

// tellRoom is showRoom for who does not hold mu.
func (m *Room) tellRoom() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.showRoom()
}

// Record begins or ends the recording of the room, of which everybody in it is
// told. Only hosts may. The errors are ErrHost, ErrGone, ErrNoStream, and those of
// the recorder.
func (p *Participant) Record(on bool) error {
	if err := p.mustHost(); err != nil {
		return err
	}
	return p.Room().record(on, p.Identity().User)
}

func (m *Room) record(on bool, by string) error {
	pub := m.stream.pub.Load()
	if pub == nil || m.rooms.deps.Recorder == nil {
		return ErrNoStream
	}
	if err := m.rooms.deps.Recorder.Switch(pub.Stream(), on, by); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	m.checkRecorded()
	return nil
}

// RecordingChanged says that a stream may be recorded now that was not, or the
// other way round.
func (r *Rooms) RecordingChanged(stream string) {
	if name, ok := strings.CutPrefix(stream, auth.RoomStreams); ok {
		if m := r.Live(name); m != nil {
			m.checkRecorded()
		}
	}
}

// checkRecorded tells everybody when the room begins or ends to be recorded.
func (m *Room) checkRecorded() {
	pub := m.stream.pub.Load()
	recorded := pub != nil && m.rooms.deps.Recorder != nil && m.rooms.deps.Recorder.Recorded(pub.Stream())
	if m.recorded.Swap(recorded) != recorded {
		m.tellRoom()
	}
}
