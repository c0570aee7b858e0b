package test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// basic is an Authorization header.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// camera is an RTSP client that sends what it is told.
type camera struct {
	t *testing.T
	net.Conn
	br *bufio.Reader
	n  int
}

func (s *siege) camera(t *testing.T, from string) *camera {
	t.Helper()
	c := s.dial(t, "rtsp", from)
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.Close() })
	return &camera{t: t, Conn: c, br: bufio.NewReader(c)}
}

// ask sends a request and returns the status of the answer; 0 when the
// connection ended instead. login may be empty.
func (c *camera) ask(method, url, login, header string, body string) (status int, head textproto.MIMEHeader) {
	c.t.Helper()
	c.n++
	req := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n%s", method, url, c.n, header)
	if login != "" {
		req += "Authorization: " + login + "\r\n"
	}
	if body != "" {
		req += fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(c, req+"\r\n"+body); err != nil {
		return 0, nil
	}
	return c.answer()
}

func (c *camera) answer() (status int, head textproto.MIMEHeader) {
	tp := textproto.NewReader(c.br)
	line, err := tp.ReadLine()
	if err != nil {
		return 0, nil
	}
	f := strings.Fields(line)
	if len(f) < 2 {
		return 0, nil
	}
	status, _ = strconv.Atoi(f[1])
	if head, err = tp.ReadMIMEHeader(); err != nil {
		return 0, nil
	}
	n, _ := strconv.Atoi(head.Get("Content-Length"))
	io.CopyN(io.Discard, c.br, int64(n))
	return status, head
}

const oneTrack = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"

// attackRTSP breaks the protocol in every way that comes to mind.
func attackRTSP(t *testing.T, s *siege) {
	url := fmt.Sprintf("rtsp://127.0.0.1:%d/", s.ports["rtsp"])
	// What cannot become a request ends the connection, with 400 where there is
	// somebody to tell, and long before it has cost anything.
	for name, b := range map[string]string{
		"body of 4 GiB":     "ANNOUNCE " + url + "x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4294967295\r\n\r\n",
		"negative body":     "ANNOUNCE " + url + "x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
		"two lengths":       "ANNOUNCE " + url + "x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"endless line":      "OPTIONS * RTSP/1.0\r\nX: " + strings.Repeat("x", 1<<20),
		"endless URL":       "OPTIONS " + strings.Repeat("x", 1<<20),
		"many headers":      "OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n",
		"no CSeq":           "OPTIONS * RTSP/1.0\r\n\r\n",
		"control character": "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\x00b\r\n\r\n",
		"space before ':'":  "OPTIONS * RTSP/1.0\r\nCSeq : 1\r\n\r\n",
		"frame first":       "$\x00\xff\xff" + strings.Repeat("\x80", 70_000),
		"other version":     "OPTIONS * RTSP/7.0\r\nCSeq: 1\r\n\r\n",
	} {
		answer, open := s.throw(t, "rtsp", []byte(b), 3*time.Second)
		code := ""
		if f := bytes.Fields(answer); len(f) > 1 {
			code = string(f[1])
		}
		if open || code != "" && code != "400" && code != "505" {
			t.Errorf("%s: open after 3 s: %v, answer %q", name, open, ending(string(answer)))
		}
	}
	outOfOrder(t, s, url)
	pipelined(t, s, url)
}

// outOfOrder takes the steps of a session in the wrong order.
func outOfOrder(t *testing.T, s *siege, url string) {
	tcp := "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
	me := basic("pilot", passwordOf("pilot"))
	type step struct {
		method, path, header, body string
		want                       []int // any of
	}
	for name, steps := range map[string][]step{
		"stranger":         {{"DESCRIBE", "cam", "", "", []int{401}}, {"SETUP", "cam/trackID=0", tcp, "", []int{401}}, {"PLAY", "cam", "", "", []int{401, 454, 455}}},
		"PLAY first":       {{"PLAY", "cam", "", "", []int{454, 455}}},
		"RECORD first":     {{"RECORD", "cam", "", "", []int{454, 455}}},
		"TEARDOWN first":   {{"TEARDOWN", "cam", "", "", []int{200, 454, 455}}},
		"foreign session":  {{"PLAY", "cam", "Session: 123\r\n", "", []int{454}}},
		"RECORD of a play": {{"SETUP", "cam/trackID=0", tcp, "", []int{200}}, {"RECORD", "cam", "", "", []int{455}}},
		"PLAY of a record": {{"ANNOUNCE", "z1", "", oneTrack, []int{200}}, {"SETUP", "z1/trackID=0", strings.Replace(tcp, "\r\n", ";mode=record\r\n", 1), "", []int{200}}, {"PLAY", "z1", "", "", []int{455}}},
		"RECORD at once":   {{"ANNOUNCE", "z2", "", oneTrack, []int{200}}, {"RECORD", "z2", "", "", []int{455}}},
		"ANNOUNCE twice":   {{"ANNOUNCE", "z3", "", oneTrack, []int{200}}, {"ANNOUNCE", "z3", "", oneTrack, []int{455}}},
		"no such track":    {{"SETUP", "cam/trackID=4294967296", tcp, "", []int{400, 404}}},
		"no transport":     {{"SETUP", "cam/trackID=0", "", "", []int{400, 461}}},
		"channels":         {{"SETUP", "cam/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=255-256\r\n", "", []int{400, 461}}},
		"ports":            {{"SETUP", "cam/trackID=0", "Transport: RTP/AVP;unicast;client_port=0-99999\r\n", "", []int{400, 461}}},
		"no SDP":           {{"ANNOUNCE", "z4", "", "not an SDP", []int{400, 415}}},
		"clock rate 0":     {{"ANNOUNCE", "z5", "", strings.Replace(oneTrack, "90000", "0", 1), []int{400, 415}}},
		"1000 tracks":      {{"ANNOUNCE", "z6", "", oneTrack + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", 1000), []int{400, 415}}},
		"takeover":         {{"ANNOUNCE", "cam", "", oneTrack, []int{403, 404, 503, 455}}},
	} {
		c := s.camera(t, attacker)
		login := me
		switch name {
		case "stranger":
			login = ""
		case "takeover":
			login = basic("owner", passwordOf("owner"))
		}
		for i, st := range steps {
			code, _ := c.ask(st.method, url+st.path, login, st.header, st.body)
			ok := false
			for _, w := range st.want {
				ok = ok || code == w
			}
			if !ok && (i == len(steps)-1 || code >= 500 || code == 0) && !(name == "takeover" && code == 200) {
				t.Errorf("%s: %s is answered %d, wants one of %v", name, st.method, code, st.want)
			}
		}
		if name == "takeover" { // where ANNOUNCE is let pass, RECORD is not
			if code, _ := c.ask("SETUP", url+"cam/trackID=0", login, strings.Replace(tcp, "\r\n", ";mode=record\r\n", 1), ""); code == 200 {
				if code, _ := c.ask("RECORD", url+"cam", login, "", ""); code == 200 {
					t.Error("another user took the name of a live stream over")
				}
			}
		}
		io.WriteString(c, "$\x07\xff\xff"+strings.Repeat("\x00", 100)) // a frame on a channel that nobody set up
		c.Close()
	}
}

// pipelined sends a thousand requests and reads nothing; then goes on to where
// the server must give up waiting for the reader.
func pipelined(t *testing.T, s *siege, url string) {
	c := s.camera(t, attacker)
	c.Conn.(*net.TCPConn).SetReadBuffer(4096)
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, "DESCRIBE %scam RTSP/1.0\r\nCSeq: %d\r\n\r\n", url, i)
	}
	c.SetWriteDeadline(time.Now().Add(2 * time.Second))
	c.Write(b.Bytes()) // the server may stop reading, or close
	if began := time.Now(); true {
		s.greet(t, "rtsp", attacker)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("beside a client that does not read, another waits %s", took)
		}
	}
	// Redirecting media to somebody else: the address is not believed.
	r := s.camera(t, attacker)
	victim, err := net.ListenPacket("udp", elsewhere+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	port := victim.LocalAddr().(*net.UDPAddr).Port
	login := basic("watcher", passwordOf("watcher"))
	code, head := r.ask("SETUP", url+"cam/trackID=0", login, fmt.Sprintf("Transport: RTP/AVP;unicast;destination=%s;client_port=%d-%d\r\n", elsewhere, port, port+1), "")
	if code == 200 {
		r.ask("PLAY", url+"cam", login, "Session: "+strings.Split(head.Get("Session"), ";")[0]+"\r\n", "")
	}
	victim.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	if n, from, err := victim.ReadFrom(make([]byte, 2000)); err == nil {
		t.Errorf("%d bytes of media went to an address that did not ask, from %s", n, from)
	}
}
