package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"muster/cot/marti/enroll"
	"muster/internal/auth"
	"muster/internal/bus"
	"muster/internal/pki"
	"muster/internal/run"
	"muster/internal/safename"
	"muster/internal/store"
	"muster/internal/store/storetest"
	"muster/media"
	"muster/media/codec"
	"muster/media/mcu"
	"muster/web/login"
	"muster/web/webhook"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// house is a server's insides with three people: ann (admin, no group), olga
// (operator) and mike (member), the last two in the group red; nora (member) is
// in blue.
type house struct {
	*API
	auth   *auth.Service
	router *media.Router
	gate   *login.Gate
	db     *store.DB
	post   post
}

var authority *pki.Authority // making keys takes long: one for all tests

func openHouse(t *testing.T) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	ctx := t.Context()
	db := storetest.Open(t, store.DefaultConfig())
	b := bus.New()
	sessions := auth.NewSessions(func(s auth.SessionInfo, open bool) { b.Publish(SessionFact(s, open)) })
	cfg := auth.DefaultConfig()
	cfg.Hash = auth.HashConfig{Memory: 64, Iterations: 1, Parallelism: 1}
	svc, err := auth.New(cfg, db, sessions, b, log)
	if err != nil {
		t.Fatal(err)
	}
	if authority == nil {
		if authority, err = pki.Open(pki.DefaultConfig(), db.Dir(), log); err != nil {
			t.Fatal(err)
		}
	}
	gate, err := login.New(login.DefaultConfig(), svc, sessions, login.Keep{}, log)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{auth: svc, gate: gate, db: db, router: media.New(media.DefaultConfig(), sessions, b, log)}
	doors := run.NewDoors()
	for name, addr := range map[string]string{"rtsp": "[::]:8554", "rtmp": "[::]:1935", "srt": "[::]:8890", "https": "[::]:443", "hls": "[::]:8888"} {
		doors.Bound(name, "tcp", addr)
	}
	enroller, err := enroll.New(enroll.DefaultConfig(), enroll.Deps{Auth: svc, Users: svc, Groups: svc, Devices: svc, Authority: authority, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := mcu.New(ctx, mcu.DefaultConfig(), mcu.Deps{DB: db, Router: h.router, Sessions: sessions, Bus: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	briefing := mcu.Settings{Name: safename.MustParse("briefing"), Groups: []string{"red", "blue"}, Entry: mcu.Speaker}
	if _, err := rooms.Create(ctx, auth.System("test"), briefing); err != nil {
		t.Fatal(err)
	}
	h.API = New(Deps{
		Rooms: rooms, Dialer: exchange{}, Exchange: exchange{}, Voice: &keptOut{}, Webhooks: noHooks{},
		Identity: svc, Mail: &h.post, Enroller: enroller, TAK: openTAK(t, db, sessions, b, log),
		Users: svc, Profiles: svc, Groups: svc, Tokens: svc, Devices: svc, Authority: authority, Sessions: sessions, Streams: h.router,
		Recorder: newRecorder(t),
		Still:    func(u *media.Unit) ([]byte, error) { return []byte("still"), nil }, Bus: b, Logins: gate, Doors: doors, Backup: db,
		Health: func(context.Context) []Health { return []Health{{"store", true, ""}} },
		Name:   "test", Version: "1", HostNames: func() []string { return []string{"muster.example"} }, Log: log,
	})
	for _, g := range []string{"red", "blue"} {
		if _, err := svc.AddGroup(ctx, g, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []auth.NewUser{
		{Name: "ann", Role: auth.RoleAdmin, Groups: []auth.Grant{}},
		{Name: "olga", Role: auth.RoleOperator, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}},
		{Name: "mike", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}},
		{Name: "nora", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}}},
	} {
		u.Password, u.Email = "password of "+u.Name, u.Name+"@example.org"
		if _, err := svc.AddUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// noHooks are the webhooks of a server that has none.
type noHooks struct{}

func (noHooks) States(context.Context) ([]webhook.State, error) { return []webhook.State{}, nil }
func (noHooks) Test(context.Context, string) error              { return webhook.ErrNoHook }

func (h *house) identity(t *testing.T, user string) auth.Identity {
	t.Helper()
	id, err := h.auth.Authenticate(t.Context(), auth.Proof{User: user, Password: "password of " + user, Remote: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// as sends a request in the name of user; "" is nobody.
func (h *house) as(t *testing.T, user, method, path string, body any) *httptest.ResponseRecorder {
	t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req := httptest.NewRequest(method, path, r)
	req.Host = "muster.example"
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	ctx := login.WithPeer(req.Context(), login.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:4000"), Secure: true})
	if user != "" {
		ctx = WithIdentity(ctx, h.identity(t, user))
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, req.WithContext(ctx))
	return w
}

func (h *house) publish(t *testing.T, user, name string) *media.Publisher {
	t.Helper()
	p, err := h.router.Publish(media.PublishRequest{
		Identity: h.identity(t, user), Client: media.Client{Protocol: "rtsp"}, Name: safename.MustParse(name),
		Formats: []*codec.Format{{Codec: codec.VP8, ClockRate: 90000}}, Kick: func(error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(nil) })
	return p
}

// asked is one line of the table of rights: what nobody, a member, an operator
// and an administrator get.
type asked struct {
	method, path string
	body         any
	nobody       int
	member       int
	operator     int
	admin        int
}

type object = map[string]any

// rights has a line for every operation of the API; TestRights fails for one
// that is missing.
var rights = map[string]asked{
	"login":               {"POST", "/api/v1/login", object{"user": "x", "password": "y"}, 401, 401, 401, 401},
	"logout":              {"POST", "/api/v1/logout", nil, 204, 204, 204, 204},
	"getMe":               {"GET", "/api/v1/me", nil, 401, 200, 200, 200},
	"setOwnPassword":      {"PUT", "/api/v1/me/password", object{"current": "wrong", "password": "whatever it is"}, 401, 403, 403, 403},
	"getServer":           {"GET", "/api/v1/server", nil, 401, 200, 200, 200},
	"getHealth":           {"GET", "/api/v1/health", nil, 401, 200, 200, 200},
	"getCA":               {"GET", "/api/v1/ca.pem", nil, 200, 200, 200, 200},
	"getCRL":              {"GET", "/api/v1/ca.crl", nil, 200, 200, 200, 200},
	"getBackup":           {"GET", "/api/v1/backup", nil, 401, 403, 403, 200},
	"listStreams":         {"GET", "/api/v1/streams", nil, 401, 200, 200, 200},
	"getStream":           {"GET", "/api/v1/streams/uas/eo", nil, 401, 200, 200, 200},
	"endStream":           {"DELETE", "/api/v1/streams/uas/eo", nil, 401, 403, 204, 204},
	"listRecordings":      {"GET", "/api/v1/recordings", nil, 401, 200, 200, 200},
	"getRecordingContent": {"GET", "/api/v1/recordings/one/content", nil, 401, 200, 200, 200},
	"removeRecording":     {"DELETE", "/api/v1/recordings/one", nil, 401, 403, 204, 204},
	"startRecording":      {"PUT", "/api/v1/recorders/uas/eo", nil, 401, 403, 204, 204},
	"stopRecording":       {"DELETE", "/api/v1/recorders/uas/eo", nil, 401, 403, 204, 204},
	"getStill":            {"GET", "/api/v1/stills/uas/eo", nil, 401, 200, 200, 200},
	"getAddresses":        {"GET", "/api/v1/addresses/uas/eo", nil, 401, 200, 200, 200},
	"addAddresses":        {"POST", "/api/v1/addresses/uas/eo", object{"use": "watch", "days": 7}, 401, 200, 200, 200},
	"listUsers":           {"GET", "/api/v1/users", nil, 401, 403, 403, 200},
	"addUser":             {"POST", "/api/v1/users", object{"name": "new", "password": "long enough"}, 401, 403, 403, 201},
	"changeUser":          {"PATCH", "/api/v1/users/nora", object{"fullName": "Nora"}, 401, 403, 403, 200},
	"setPassword":         {"PUT", "/api/v1/users/nora/password", object{"password": "long enough"}, 401, 403, 403, 204},
	"removeUser":          {"DELETE", "/api/v1/users/nora", nil, 401, 403, 403, 204},
	"grant":               {"PUT", "/api/v1/users/nora/groups/red", object{"in": true, "out": false}, 401, 403, 403, 204},
	"revoke":              {"DELETE", "/api/v1/users/nora/groups/blue", nil, 401, 403, 403, 204},
	"listGroups":          {"GET", "/api/v1/groups", nil, 401, 200, 200, 200},
	"addGroup":            {"POST", "/api/v1/groups", object{"name": "green"}, 401, 403, 403, 201},
	"removeGroup":         {"DELETE", "/api/v1/groups/blue", nil, 401, 403, 403, 204},
	"listTokens":          {"GET", "/api/v1/tokens?all=true", nil, 401, 403, 403, 200},
	"addToken":            {"POST", "/api/v1/tokens", object{"name": "x", "kind": "token", "days": 1, "user": "nora"}, 401, 403, 403, 201},
	"removeToken":         {"DELETE", "/api/v1/tokens/TOKEN", nil, 401, 404, 404, 204},
	"listSessions":        {"GET", "/api/v1/sessions", nil, 401, 200, 200, 200},
	"endSession":          {"DELETE", "/api/v1/sessions/SESSION", nil, 401, 404, 204, 204},
	"listCertificates":    {"GET", "/api/v1/certificates", nil, 401, 200, 200, 200},
	"addCertificate":      {"POST", "/api/v1/certificates", object{"user": "nora", "name": "phone", "days": 1, "password": "atakatak"}, 401, 403, 403, 201},
	"revokeCertificate":   {"DELETE", "/api/v1/certificates/CERTIFICATE", nil, 401, 404, 404, 204},
	"makePackage":         {"POST", "/api/v1/certificates/package", object{"user": "nora", "device": "phone", "form": "atak"}, 401, 403, 403, 200},
	"listEnrolments":      {"GET", "/api/v1/enrolments", nil, 401, 200, 200, 200},
	"addEnrolment":        {"POST", "/api/v1/enrolments", object{"user": "nora", "device": "phone"}, 401, 403, 403, 201},
	"removeEnrolment":     {"DELETE", "/api/v1/enrolments/ENROLMENT", nil, 401, 404, 404, 204},
	"getTOTP":             {"GET", "/api/v1/account/totp", nil, 401, 200, 200, 200},
	"beginTOTP":           {"POST", "/api/v1/account/totp", object{"password": "wrong"}, 401, 403, 403, 403},
	"confirmTOTP":         {"POST", "/api/v1/account/totp/confirm", object{"code": "000000"}, 401, 422, 422, 422},
	"dropTOTP":            {"DELETE", "/api/v1/account/totp", object{"password": "wrong", "code": ""}, 401, 403, 403, 403},
	"resetTOTP":           {"DELETE", "/api/v1/users/nora/totp", nil, 401, 403, 403, 204},
	"refreshUser":         {"POST", "/api/v1/users/nora/refresh", nil, 401, 403, 403, 422},
	"loginMethods":        {"GET", "/api/v1/login/methods", nil, 200, 200, 200, 200},
	"forgotPassword":      {"POST", "/api/v1/login/forgotten", object{"who": "x"}, 202, 202, 202, 202},
	"checkReset":          {"POST", "/api/v1/login/reset/check", object{"token": "x"}, 410, 410, 410, 410},
	"resetPassword":       {"PUT", "/api/v1/login/reset", object{"token": "x", "password": "whatever it is"}, 410, 410, 410, 410},
	"invitePassword":      {"POST", "/api/v1/users/nora/reset", nil, 401, 403, 403, 204},
	"getOwnEmail":         {"GET", "/api/v1/me/email", nil, 401, 200, 200, 200},
	"setOwnEmail":         {"PUT", "/api/v1/me/email", object{"current": "wrong", "email": "x@example.org"}, 401, 403, 403, 403},
	"testMail":            {"POST", "/api/v1/mail/test", object{"to": "x@example.org"}, 401, 403, 403, 204},
	"beginOIDC":           {"GET", "/api/v1/login/oidc/none", nil, 404, 404, 404, 404},
	"finishOIDC":          {"GET", "/api/v1/login/oidc/none/callback?state=x&code=y", nil, 303, 303, 303, 303},
	"listRooms":           {"GET", "/api/v1/rooms", nil, 401, 200, 200, 200},
	"getRoom":             {"GET", "/api/v1/rooms/briefing", nil, 401, 200, 200, 200},
	"addRoom":             {"POST", "/api/v1/rooms", object{"name": "new", "groups": []string{"red"}}, 401, 201, 201, 201},
	"changeRoom":          {"PATCH", "/api/v1/rooms/briefing", object{"title": "Brief"}, 401, 403, 403, 200},
	"removeRoom":          {"DELETE", "/api/v1/rooms/briefing", nil, 401, 403, 403, 204},
	"listInvitations":     {"GET", "/api/v1/rooms/briefing/invitations", nil, 401, 403, 403, 200},
	"invite":              {"POST", "/api/v1/rooms/briefing/invitations", object{}, 401, 403, 403, 201},
	"removeInvitation":    {"DELETE", "/api/v1/rooms/briefing/invitations/none", nil, 401, 403, 403, 404},
	"dial":                {"POST", "/api/v1/rooms/briefing/calls", object{"to": "nora"}, 401, 403, 403, 201},
	"listDialOuts":        {"GET", "/api/v1/rooms/briefing/calls", nil, 401, 403, 403, 200},
	"endDialOut":          {"DELETE", "/api/v1/rooms/briefing/calls/CALL", nil, 401, 403, 403, 204},
	"listCalls":           {"GET", "/api/v1/sip/calls", nil, 401, 403, 403, 200},
	"listRegistrations":   {"GET", "/api/v1/sip/registrations", nil, 401, 403, 403, 200},
	"listTrunks":          {"GET", "/api/v1/sip/trunks", nil, 401, 403, 403, 200},
	"listParticipants":    {"GET", "/api/v1/rooms/briefing/participants", nil, 401, 200, 200, 200},
	"changeParticipant":   {"PATCH", "/api/v1/rooms/briefing/participants/none", object{"muted": true}, 401, 403, 403, 409},
	"removeParticipant":   {"DELETE", "/api/v1/rooms/briefing/participants/none", nil, 401, 403, 403, 409},
	"moveParticipant":     {"POST", "/api/v1/rooms/briefing/participants/none/move", object{"room": "briefing"}, 401, 403, 403, 409},
	"listVoiceBans":       {"GET", "/api/v1/voice/bans", nil, 401, 403, 403, 200},
	"addVoiceBan":         {"POST", "/api/v1/voice/bans", object{"user": "nora"}, 401, 403, 403, 201},
	"removeVoiceBan":      {"DELETE", "/api/v1/voice/bans/none", nil, 401, 403, 403, 404},
	"setLayout":           {"PUT", "/api/v1/rooms/briefing/layout", object{"layout": "speaker"}, 401, 403, 403, 409},
	"setEmergency":        {"PUT", "/api/v1/rooms/briefing/emergency", object{"on": true}, 401, 409, 409, 409},
	"listReplay":          {"GET", "/api/v1/rooms/briefing/replay", nil, 401, 200, 200, 200},
	"getReplayAll":        {"GET", "/api/v1/rooms/briefing/replay/all", nil, 401, 404, 404, 404},
	"getReplay":           {"GET", "/api/v1/rooms/briefing/replay/none", nil, 401, 404, 404, 404},
	"setRecording":        {"PUT", "/api/v1/rooms/briefing/recording", object{"on": true}, 401, 403, 403, 409},
	"setStage":            {"PUT", "/api/v1/rooms/briefing/stage", object{"stream": "cam", "on": true}, 401, 403, 403, 409},
	"listBreakouts":       {"GET", "/api/v1/rooms/briefing/breakouts", nil, 401, 200, 200, 200},
	"splitRoom":           {"POST", "/api/v1/rooms/briefing/breakouts", object{"rooms": []object{{}}}, 401, 403, 403, 201},
	"mergeRoom":           {"DELETE", "/api/v1/rooms/briefing/breakouts", nil, 401, 403, 403, 409},
	"listWebhooks":        {"GET", "/api/v1/webhooks", nil, 401, 403, 403, 200},
	"testWebhook":         {"POST", "/api/v1/webhooks/none/test", nil, 401, 403, 403, 404},
	"checkInvitation":     {"POST", "/api/v1/invitations/check", object{"invitation": "x"}, 410, 410, 410, 410},
	"events":              {"GET", "/api/v1/events", nil, 401, 426, 426, 426},
}

func TestRights(t *testing.T) {
	rights := maps.Clone(rights)
	maps.Copy(rights, takRights)
	described := 0
	probe := openHouse(t)
	for _, item := range probe.huma.OpenAPI().Paths {
		described += len(operationsOf(item))
		for _, o := range operationsOf(item) {
			if _, ok := rights[o.OperationID]; !ok {
				t.Errorf("operation %s has no line in the table of rights", o.OperationID)
			}
		}
	}
	if described != len(rights) || described != len(probe.ops) {
		t.Errorf("%d operations described, %d registered, %d lines", described, len(probe.ops), len(rights))
	}
	for id, want := range rights {
		t.Run(id, func(t *testing.T) {
			var h *house
			var path string
			for _, c := range []struct {
				user string
				want int
			}{{"", want.nobody}, {"mike", want.member}, {"olga", want.operator}, {"ann", want.admin}} {
				if h == nil {
					h = openHouse(t)
					p := h.publish(t, "olga", "uas/eo")
					p.Write(0, media.Sample{AU: [][]byte{{0, 0, 0, 1}}})
					path = h.fill(t, want.path, p)
				}
				res := h.as(t, c.user, want.method, path, want.body)
				if res.Code != c.want {
					t.Errorf("%q gets %d, want %d: %s", c.user, res.Code, c.want, res.Body)
				}
				if res.Code >= 400 {
					checkProblem(t, res)
				} else if want.method != "GET" {
					h = nil // something has changed: the next one finds it anew
				}
			}
		})
	}
}

// fill puts real ids into path.
func (h *house) fill(t *testing.T, path string, p *media.Publisher) string {
	t.Helper()
	path = h.fillTAK(t, path)
	switch {
	case strings.Contains(path, "TOKEN"):
		tok, _, err := h.auth.CreateToken(t.Context(), "nora", auth.TokenSpec{Name: "n", Kind: auth.KindToken})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(path, "TOKEN", tok.ID, 1)
	case strings.Contains(path, "ENROLMENT"):
		e, _, err := h.auth.CreateEnrolment(t.Context(), "nora", "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(path, "ENROLMENT", e.ID, 1)
	case strings.Contains(path, "SESSION"):
		return strings.Replace(path, "SESSION", p.Session().Info().ID, 1)
	case strings.Contains(path, "CERTIFICATE"):
		d := auth.Device{Fingerprint: strings.Repeat("ab", 32), Serial: "1f", User: "nora", Name: "x", Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
		if err := h.auth.RecordDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		return strings.Replace(path, "CERTIFICATE", d.Fingerprint, 1)
	}
	return path
}

func checkProblem(t *testing.T, res *httptest.ResponseRecorder) {
	t.Helper()
	if ct := res.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q", ct)
	}
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal(res.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Type == "" || p.Title == "" || p.Status != res.Code || !strings.HasSuffix(p.Detail, ".") || strings.Contains(p.Detail, "auth:") {
		t.Errorf("not a helpful problem: %s", res.Body)
	}
	if res.Code == http.StatusUnauthorized && strings.Contains(res.Header().Get("WWW-Authenticate"), "Basic") {
		t.Error("browsers would show their password window")
	}
}
