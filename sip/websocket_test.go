package sip

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"muster/sip/wire"
)

func TestPhoneRegistersOverAWebSocket(t *testing.T) {
	w := serve(t, nil)
	web := httptest.NewServer(http.HandlerFunc(w.ServeWebSocket))
	defer web.Close()
	ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"), &websocket.DialOptions{Subprotocols: []string{"sip"}})
	if err != nil {
		t.Fatal(err)
	}
	u := newUA(t, w)
	u.user, u.pass = "alice", "wonder"
	ask := func(m *wire.Message) *wire.Message {
		t.Helper()
		m.Set("Via", strings.Replace(m.Get("Via"), "SIP/2.0/UDP "+u.local(), "SIP/2.0/WSS x.invalid", 1))
		if err := ws.Write(t.Context(), websocket.MessageText, m.Append(nil)); err != nil {
			t.Fatal(err)
		}
		_, b, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := wire.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	target := "sip:alice@" + w.addr.String()
	first := u.request(wire.Register, target, "")
	r := ask(first)
	if r.Status != 401 {
		t.Fatalf("%d", r.Status)
	}
	again := u.request(wire.Register, target, "", "Authorization: "+u.answer(r, first))
	if r = ask(again); r.Status != 200 {
		t.Fatalf("%d", r.Status)
	}
	if _, err := w.Dial(t.Context(), aliceOfStaff(), "100", "alice"); err != nil {
		t.Fatal(err)
	}
	_, b, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := wire.Parse(b); err != nil || m.Method != wire.Invite || m.Via.Transport != "WSS" {
		t.Errorf("%v %v", m, err)
	}
	ws.CloseNow()
	eventually(t, "the phone is gone with its connection", func() bool { return w.Stats().Phones == 0 })
	_, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(web.URL, "http"), &websocket.DialOptions{
		Subprotocols: []string{"sip"}, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin: %v", err)
	}
}
