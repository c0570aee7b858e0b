package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// path is the name that the synthetic stream is published under.
const path = "bench"

// publisher sends the synthetic stream by RTSP over TCP.
type publisher struct {
	conn   *rtspConn
	ready  time.Duration // from connecting until a reader could describe the stream
	wg     sync.WaitGroup
	stop   chan struct{}
	failed atomic.Pointer[error]
}

func publish(ctx context.Context, s *server) (*publisher, error) {
	begin := time.Now()
	c, err := dialRTSP(s, path)
	if err != nil {
		return nil, err
	}
	p := &publisher{conn: c, stop: make(chan struct{})}
	if err := p.announce(); err != nil {
		c.close()
		return nil, err
	}
	p.wg.Go(func() { _, _ = io.Copy(io.Discard, c.br) }) // reports of the server
	p.wg.Go(func() {
		if err := p.send(); err != nil {
			p.failed.Store(&err)
		}
	})
	if err := awaitStream(ctx, s, path); err != nil {
		p.close()
		return nil, err
	}
	p.ready = time.Since(begin)
	return p, nil
}

func (p *publisher) announce() error {
	c := p.conn
	sdp := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"+
		"m=video 0 RTP/AVP %d\r\na=rtpmap:%d H264/90000\r\na=fmtp:%d packetization-mode=1; sprop-parameter-sets=%s,%s; profile-level-id=%X\r\na=control:trackID=0\r\n"+
		"m=audio 0 RTP/AVP %d\r\na=rtpmap:%d opus/48000/2\r\na=fmtp:%d sprop-stereo=1\r\na=control:trackID=1\r\n",
		videoPT, videoPT, videoPT, base64.StdEncoding.EncodeToString(sps), base64.StdEncoding.EncodeToString(pps), sps[1:4],
		audioPT, audioPT, audioPT)
	if _, err := c.do("ANNOUNCE", c.url, []string{"Content-Type: application/sdp"}, sdp); err != nil {
		return err
	}
	for i := range 2 {
		transport := fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d;mode=record", 2*i, 2*i+1)
		if _, err := c.do("SETUP", fmt.Sprintf("%s/trackID=%d", c.url, i), []string{transport}, ""); err != nil {
			return err
		}
	}
	_, err := c.do("RECORD", c.url, []string{"Range: npt=0.000-"}, "")
	return err
}

// send writes frames at their times until the publisher is closed.
func (p *publisher) send() error {
	video, audio := packer{pt: videoPT, ssrc: 1}, packer{pt: audioPT, ssrc: 2}
	begin := time.Now()
	var buf []byte
	for v, a := 0, 0; ; {
		nextVideo := time.Duration(v) * time.Second / fps
		nextAudio := time.Duration(a) * audioTime
		select {
		case <-p.stop:
			return nil
		case <-time.After(min(nextVideo, nextAudio) - time.Since(begin)):
		}
		buf = buf[:0]
		if nextVideo <= nextAudio {
			buf = video.addH264(buf, uint32(v*videoRate/fps), videoFrame(v))
			v++
		} else {
			buf = audio.add(buf, 2, true, uint32(a*audioTick), opusPacket())
			a++
		}
		if _, err := p.conn.Write(buf); err != nil {
			return fmt.Errorf("the publisher was cut off: %w", err)
		}
	}
}

// err returns what ended the publisher before its time, if anything did.
func (p *publisher) err() error {
	if e := p.failed.Load(); e != nil {
		return *e
	}
	return nil
}

func (p *publisher) close() {
	close(p.stop)
	p.conn.close()
	p.wg.Wait()
}

// awaitStream asks until the stream can be described.
func awaitStream(ctx context.Context, s *server, path string) error {
	c, err := dialRTSP(s, path)
	if err != nil {
		return err
	}
	defer func() { c.close() }()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); {
		_, err := c.do("DESCRIBE", c.url, []string{"Accept: application/sdp"}, "")
		var status *errStatus
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &status): // some servers hang up after a refusal
			c.close()
			if c, err = dialRTSP(s, path); err != nil {
				return err
			}
		case status.status == 401:
			return err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the stream did not become readable")
}
