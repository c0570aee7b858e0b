package rtc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"muster/internal/auth"
	"muster/internal/safename"
	"muster/media"
)

// The reasons a session ends for.
var (
	errLost      = errors.New("the peer went silent")
	errBroken    = errors.New("the session broke")
	errLeft      = errors.New("the peer left")
	errHandshake = errors.New("the peer did not connect its media in time; is the UDP media port reachable, or the port of HTTPS?")
)

// ICE timing: a peer that is silent for lostAfter in all is given up.
const (
	silentAfter = 5 * time.Second
	lostAfter   = 12 * time.Second // 5 s until it is noticed, 7 s of patience
	keepalive   = 2 * time.Second
)

// receiveMTU is the size of the buffers that packets are read into.
const receiveMTU = 1500

// session is one peer, publishing or reading.
type session struct {
	srv    *Server
	id     string // public
	secret string // part of the address that ends and restarts the session
	who    auth.Identity
	client media.Client // Protocol is "whip" or "whep"
	name   safename.Name
	log    *slog.Logger
	free   func() // gives the place among the peers back
	out    *burst

	pc        *webrtc.PeerConnection
	connected chan struct{}
	onConnect sync.Once

	end     chan struct{} // closed when the session is to end
	endOnce sync.Once
	reason  error // why; valid once end is closed

	mu         sync.Mutex // guards what follows, and renegotiation
	offer      *offer     // as last applied
	candidates int
	restarted  time.Time
}

func (s *Server) newSession(who auth.Identity, client media.Client, name safename.Name, free func()) *session {
	ses := &session{
		srv: s, id: rand.Text(), secret: rand.Text(), who: who, client: client, name: name, free: free,
		connected: make(chan struct{}), end: make(chan struct{}),
	}
	ses.log = s.log.With("conn", ses.id, "user", who.User, "remote", client.Remote, "stream", name.String(), "protocol", client.Protocol)
	return ses
}

// close asks the session to end; the first reason stays. It does not block.
func (ses *session) close(reason error) {
	ses.endOnce.Do(func() {
		ses.reason = reason
		close(ses.end)
	})
}

// connect makes the peer connection, with the codecs of engine.
func (ses *session) connect(sock *mediaSocket, engine *webrtc.MediaEngine, with *interceptor.Registry) error {
	s := ses.srv
	cert, err := s.certificate()
	if err != nil {
		return fmt.Errorf("webrtc: make certificate: %w", err)
	}
	ses.out = &burst{sock: sock}
	var se webrtc.SettingEngine
	se.LoggerFactory = s.pion
	se.SetLite(true)
	se.SetICEUDPMux(&peerMux{sock: sock, out: ses.out, hosts: hostsFor(sock.bound(), *s.hosts.Load(), ses.client.Remote.Addr())})
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if s.deps.TCP != nil {
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
		se.SetICETCPMux(tcpMux{s.tcp})
		se.SetIPFilter(onlyLoopback)
	}
	se.SetNetworkTypes(networks)
	se.DisableActiveTCP(true)
	se.SetIncludeLoopbackCandidate(true) // the list above is the choice
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetICETimeouts(silentAfter, lostAfter-silentAfter, keepalive)
	se.SetReceiveMTU(receiveMTU)
	se.SetSCTPMaxMessageSize(64 << 10)
	se.SetSCTPMaxReceiveBufferSize(128 << 10)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(with))
	ses.pc, err = api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{cert}})
	if err != nil {
		return fmt.Errorf("webrtc: new peer: %w", err)
	}
	ses.pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		switch st {
		case webrtc.PeerConnectionStateConnected:
			ses.onConnect.Do(func() { close(ses.connected) })
		case webrtc.PeerConnectionStateFailed:
			ses.close(errLost)
		case webrtc.PeerConnectionStateClosed:
			ses.close(errLeft)
		}
	})
	ses.pc.OnDataChannel(func(d *webrtc.DataChannel) { _ = d.Close() }) // peers open none here
	return nil
}

// gatherTimeout bounds the wait for host candidates, which are there at once.
const gatherTimeout = 2 * time.Second

// answer applies o and returns the answer, with all candidates in it.
func (ses *session) answer(o *offer) (string, error) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if err := ses.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.String()}); err != nil {
		return "", fmt.Errorf("%w: %w", errBadOffer, err)
	}
	ans, err := ses.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(ses.pc)
	if err := ses.pc.SetLocalDescription(ans); err != nil {
		return "", fmt.Errorf("%w: %w", errBadOffer, err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherTimeout):
		return "", errors.New("webrtc: candidates were not gathered in time")
	}
	ses.offer = o
	var tcp []string
	if s := ses.srv; s.deps.TCP != nil {
		tcp = tcpCandidates(s.deps.TCP(), *s.hosts.Load(), ses.client.Remote.Addr())
	}
	return polish(o, ses.pc.LocalDescription().SDP, tcp)
}

// polish puts right what the library leaves odd in an answer. The candidates
// move to the first media section that was accepted: they are in the first of
// all, and clients do not look at rejected ones. Those for RTCP go: it is
// multiplexed (RFC 8834 §4.5). Those for TCP are replaced by tcp. Rejected
// sections get their mid back.
func polish(o *offer, answer string, tcp []string) (string, error) {
	var d sdp.SessionDescription
	if err := d.Unmarshal([]byte(answer)); err != nil {
		return "", fmt.Errorf("webrtc: own answer: %w", err)
	}
	var found []sdp.Attribute
	var accepted *sdp.MediaDescription
	for i, m := range d.MediaDescriptions {
		if _, has := m.Attribute("mid"); !has && i < len(o.desc.MediaDescriptions) {
			if mid, offered := o.desc.MediaDescriptions[i].Attribute("mid"); offered {
				m.WithValueAttribute("mid", mid)
			}
		}
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			is := a.Key == "candidate" || a.Key == "end-of-candidates"
			if is && a.Key == "candidate" && strings.Contains(a.Value, " 1 udp ") {
				found = append(found, a)
			}
			return is
		})
		if accepted == nil && m.MediaName.Port.Value != 0 {
			accepted = m
		}
	}
	if accepted == nil {
		return "", fmt.Errorf("%w: nothing of it can be used", errBadOffer)
	}
	for _, line := range tcp {
		found = append(found, sdp.NewAttribute("candidate", line))
	}
	found = append(found, sdp.NewPropertyAttribute("end-of-candidates"))
	accepted.Attributes = append(accepted.Attributes, found...)
	b, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("webrtc: own answer: %w", err)
	}
	return string(b), nil
}

// errBadOffer is wrapped when an offer parses but cannot be answered.
var errBadOffer = errors.New("the offer cannot be answered")

// run is the session's life after the answer: it waits for the media to connect,
// runs work until the end, and cleans up.
func (ses *session) run(ctx context.Context, work func(ctx context.Context) error, cleanup func(reason error)) {
	ctx, cancel := context.WithCancel(ctx)
	defer ses.free()
	defer ses.srv.remove(ses)
	started := time.Now()

	timeout := time.NewTimer(ses.srv.cfg.HandshakeTimeout)
	defer timeout.Stop()
	workDone := make(chan struct{})
	select {
	case <-ses.connected:
		group, _, ok := ses.srv.running()
		if ok {
			ok = group.Go(func(context.Context) {
				defer close(workDone)
				defer ses.close(errBroken) // a panic; the first reason stays
				ses.close(work(ctx))
			})
		}
		if !ok {
			close(workDone)
			ses.close(errStopped)
		}
	case <-timeout.C:
		close(workDone)
		ses.close(errHandshake)
	case <-ses.end:
		close(workDone)
	case <-ctx.Done():
		close(workDone)
	}
	select {
	case <-ses.end:
	case <-ctx.Done():
		ses.close(errStopped)
	}
	cancel()
	cleanup(ses.reason)
	if err := ses.pc.GracefulClose(); err != nil {
		ses.log.Debug("closing the peer", "error", err)
	}
	<-workDone
	if errors.Is(ses.reason, errLost) || errors.Is(ses.reason, errHandshake) {
		ses.srv.count.lost.Add(1)
	}
	ses.log.Info("session ended", "after", time.Since(started).Round(time.Millisecond), "reason", ses.reason)
}

// abandon is for a session that never ran.
func (ses *session) abandon() {
	if ses.pc != nil {
		_ = ses.pc.GracefulClose()
	}
	ses.free()
}

var (
	errTooManyCandidates = fmt.Errorf("more than %d candidates in this session", maxCandidates)
	errNoPassword        = errors.New("a new ice-ufrag without a new ice-pwd")
	errTooOften          = errors.New("one ICE restart at a time; wait a second")
)

// restartPause bounds what one session can make the server work.
const restartPause = time.Second

// trickle takes a fragment of the client. A fragment with new credentials is an
// ICE restart (RFC 9725 §4.3.2) and is answered with ours.
func (ses *session) trickle(f fragment) (answer string, err error) {
	ses.mu.Lock()
	ses.candidates += f.candidates
	tooMany := ses.candidates > maxCandidates
	var next *offer
	if ufrag, pwd := ses.offer.credentials(); f.ufrag != "" && (f.ufrag != ufrag || f.pwd != "" && f.pwd != pwd) {
		next = ses.offer
	}
	tooOften := next != nil && time.Since(ses.restarted) < restartPause
	if next != nil && f.pwd != "" && !tooOften {
		ses.restarted = time.Now()
	}
	ses.mu.Unlock()
	switch {
	case tooOften:
		return "", errTooOften
	case tooMany:
		return "", errTooManyCandidates
	case next == nil:
		return "", nil
	case f.pwd == "":
		return "", errNoPassword
	}
	o, err := parseOffer([]byte(next.String()))
	if err != nil {
		return "", fmt.Errorf("webrtc: ice restart: %w", err)
	}
	o.setCredentials(f.ufrag, f.pwd)
	full, err := ses.answer(o)
	if err != nil {
		return "", fmt.Errorf("webrtc: ice restart: %w", err)
	}
	ses.log.Debug("ice restarted")
	return fragmentOf(full)
}

// fragmentOf reduces an answer to what an ICE restart needs (RFC 8840 §9).
func fragmentOf(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.Unmarshal([]byte(answer)); err != nil {
		return "", fmt.Errorf("webrtc: own answer: %w", err)
	}
	var b strings.Builder
	b.WriteString("a=ice-lite\r\na=ice-options:ice2 trickle\r\n")
	if len(d.MediaDescriptions) == 0 {
		return b.String(), nil
	}
	// The section that has the candidates; it is the one all are bundled in.
	at := max(0, slices.IndexFunc(d.MediaDescriptions, func(m *sdp.MediaDescription) bool {
		_, has := m.Attribute("candidate")
		return has
	}))
	m := d.MediaDescriptions[at]
	write := func(keys ...string) {
		for _, a := range m.Attributes {
			for _, k := range keys {
				if a.Key == k {
					b.WriteString("a=" + a.String() + "\r\n")
				}
			}
		}
	}
	write("ice-ufrag", "ice-pwd")
	fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\n", m.MediaName.Media)
	write("mid", "candidate")
	b.WriteString("a=end-of-candidates\r\n")
	return b.String(), nil
}
