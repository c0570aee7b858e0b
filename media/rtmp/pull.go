package rtmp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/handshake"

	"muster/media"
	"muster/media/codec"
	"muster/media/pull"
)

const (
	portRTMP, portRTMPS = 1935, 443
	eventBufferLength   = 3       // user control event (§7.1.7)
	playBuffer          = 3000    // ms that a player says it keeps; nothing is kept here
	playLive            = -2000.0 // the live stream, or else a recorded one (§7.2.2.1)
	maxCode             = 100     // bytes of a code that goes into the log
	codeLetters         = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."
	maxWait             = 1000 // messages before an answer
)

// Pull returns how streams are fetched from addresses of this package:
//
//	rtmp://[USER:PASSWORD@]HOST[:PORT]/APP[/KEY][?QUERY]   rtmps:// likewise
//
// User and password are sent as user=USER&pass=PASSWORD in the query, which is
// what MediaMTX and this server look at.
func Pull() pull.Scheme { return pull.Scheme{Check: checkAddress, Fetch: fetch} }

func checkAddress(u *url.URL) error {
	switch {
	case u.Scheme != "rtmp" && u.Scheme != "rtmps" || u.Opaque != "":
		return errors.New("rtmp: the address does not begin with rtmp:// or rtmps://")
	case strings.Trim(u.Path, "/") == "":
		return errors.New("rtmp: the address names no application, such as rtmp://HOST/APP/KEY")
	case u.Fragment != "":
		return errors.New("rtmp: an address has no part after #; write %23 where it belongs to a password")
	case len(u.String()) > maxData/8:
		return errors.New("rtmp: the address is too long")
	}
	return nil
}

// splitAddress returns what connect and play say: the first part of the path is
// the application, the rest is the key, and the query goes with what is last.
func splitAddress(u *url.URL) (tcURL, app, key string) {
	app, key, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
	query := u.RawQuery
	if u.User != nil {
		password, _ := u.User.Password()
		login := url.Values{"user": {u.User.Username()}, "pass": {password}}.Encode()
		query = strings.TrimPrefix(query+"&"+login, "&")
	}
	tcURL = u.Scheme + "://" + u.Host + "/" + app
	switch {
	case query == "":
	case key != "":
		key += "?" + query
	default:
		app, tcURL = app+"?"+query, tcURL+"?"+query
	}
	return tcURL, app, key
}

// fetch plays one stream from its beginning to its end.
func fetch(ctx context.Context, j *pull.Job) error {
	secure := j.URL.Scheme == "rtmps"
	nc, err := j.Dial(ctx, map[bool]uint16{false: portRTMP, true: portRTMPS}[secure], secure)
	if err != nil {
		return fmt.Errorf("rtmp: connect: %w", err)
	}
	// A connection needs of its server only the settings and somewhere to count.
	c := newConn(&Server{cfg: Config{ReadTimeout: j.Timeout, WriteTimeout: j.Timeout}, log: j.Log}, nc)
	defer c.cut()
	defer context.AfterFunc(ctx, c.cut)()
	err = c.fetch(j)
	switch reason := c.kicked.Load(); {
	case reason != nil:
		return *reason
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return errors.New("rtmp: the source closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("rtmp: the source sends nothing")
	}
	return err
}

func (c *conn) fetch(j *pull.Job) (err error) {
	if err := c.nc.SetDeadline(time.Now().Add(j.Timeout)); err != nil {
		return err
	}
	if err := c.greet(); err != nil {
		return err
	}
	if err := c.request(j.URL); err != nil {
		return err
	}
	c.in.limit = maxMessageAfter
	src := &source{log: c.log, tracks: make(map[trackID]*inTrack), publish: func(formats []*codec.Format) (*media.Publisher, error) {
		return j.Publish(media.Client{Protocol: c.proto, Remote: c.remote}, formats, c.kick)
	}}
	defer func() { // deferred: what came may be what makes us panic
		if src.out != nil {
			src.out.Close(err)
		}
	}()
	return c.receive(src, played)
}

// greet does the client's part of the handshake (§5.2).
func (c *conn) greet() error {
	rw := struct {
		io.Reader
		io.Writer
	}{c.in.r, c.nc}
	if _, _, err := handshake.DoClient(rw, false, false); err != nil {
		return fmt.Errorf("rtmp: handshake: %w", err)
	}
	c.in.count = 1 + 1536 + 1536
	return nil
}

// request asks for the stream.
func (c *conn) request(u *url.URL) error {
	tcURL, app, key := splitAddress(u)
	known := amf0.StrictArray{}
	for _, id := range []codec.ID{codec.H264, codec.H265, codec.AV1, codec.VP8, codec.VP9, codec.AAC, codec.Opus, codec.AC3, codec.MP3} {
		if name := fourCCOf(id); name != "" {
			known = append(known, name)
		}
	}
	_, err := c.demand("connect", 1, amf0.Object{
		{Key: "app", Value: app}, {Key: "flashVer", Value: "LNX 9,0,124,2"}, {Key: "tcUrl", Value: tcURL}, {Key: "fpad", Value: false},
		{Key: "capabilities", Value: 15.0}, {Key: "audioCodecs", Value: 4071.0}, {Key: "videoCodecs", Value: 252.0}, {Key: "videoFunction", Value: 1.0},
		{Key: "objectEncoding", Value: 0.0}, {Key: "fourCcList", Value: known}, {Key: "capsEx", Value: 2.0},
	})
	if err != nil {
		return err
	}
	answer, err := c.demand("createStream", 2, nil)
	if err != nil {
		return err
	}
	if len(answer.args) < 2 {
		return fmt.Errorf("%w: createStream without a stream", errProtocol)
	}
	id, ok := answer.args[1].(float64)
	if !ok || id < 1 || id > 1<<24 {
		return fmt.Errorf("%w: createStream without a stream", errProtocol)
	}
	if err := c.command(8, bits.ReverseBytes32(uint32(id)), "play", 0, nil, key, playLive); err != nil {
		return err
	}
	buffer := binary.BigEndian.AppendUint32([]byte{0, eventBufferLength}, uint32(id))
	return c.send(2, 0, typeUserControl, 0, binary.BigEndian.AppendUint32(buffer, playBuffer))
}

// demand sends a command and waits for its answer.
func (c *conn) demand(name string, id float64, arg any) (command, error) {
	if err := c.command(3, 0, name, id, arg); err != nil {
		return command{}, err
	}
	for range maxWait {
		m, err := c.next()
		if err != nil {
			return command{}, err
		}
		cmd, ok := commandOf(m)
		switch {
		case !ok || cmd.id != id && cmd.id != 0:
		case cmd.name == "_result":
			return cmd, nil
		case cmd.name == "_error":
			return cmd, refusedBy(name, cmd)
		}
	}
	return command{}, fmt.Errorf("%w: no answer to %s", errProtocol, name)
}

// refusedBy says by which code the source refuses. Its words are left out: they
// may repeat the key and the password in it.
func refusedBy(name string, cmd command) error {
	for _, arg := range cmd.args {
		code, _ := object(arg).GetString("code")
		if code != "" && len(code) <= maxCode && strings.Trim(code, codeLetters) == "" {
			return fmt.Errorf("rtmp: the source refuses %s: %s", name, code)
		}
	}
	return fmt.Errorf("rtmp: the source refuses %s", name)
}

// played takes the source's commands while it plays.
func played(cmd command) error {
	if cmd.name == "close" || endsStream(cmd.name) {
		return errDone
	}
	if cmd.name != "onStatus" {
		return nil
	}
	for _, arg := range cmd.args {
		o := object(arg)
		level, _ := o.GetString("level")
		switch code, _ := o.GetString("code"); {
		case level == "error":
			return refusedBy("play", cmd)
		case code == codePlayEnd, code == "NetStream.Play.Stop", code == "NetStream.Play.Complete":
			return errors.New("rtmp: the stream ended at the source")
		}
	}
	return nil
}
