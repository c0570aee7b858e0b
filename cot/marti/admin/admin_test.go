package admin_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"muster/cot/marti/admin"
	"muster/cot/marti/reply"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	storetest.Stop()
	os.Exit(code)
}

// injected is what the router was told last.
type injected map[string][][]byte

func (i *injected) SetInjectors(m map[string][][]byte) { *i = m }

func TestAdministration(t *testing.T) {
	root := auth.Identity{User: "root", Role: auth.RoleAdmin}
	ann := auth.Identity{User: "ann", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", In: true, Out: true}}}
	eve := auth.Identity{User: "eve", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "blue", In: true, Out: true}}}
	own := auth.Identity{User: "own", Role: auth.RoleMember, Groups: []auth.Grant{{Group: "red", Out: true}}}
	storetest.Each(t, func(t *testing.T, cfg store.Config) {
		var in injected
		deps := admin.Deps{DB: storetest.Open(t, cfg), Log: slog.New(slog.DiscardHandler), Node: reply.Node{ID: "0123456789abcdef"}, Injected: &in, KeepChat: true,
			Inputs: func() []admin.Input {
				return []admin.Input{{Name: "tls", Protocol: "tls", Port: 8089, Auth: "x509", Clients: 3}}
			}}
		mux := http.NewServeMux()
		admin.New(deps).Routes(mux)
		for _, c := range []struct {
			by                   auth.Identity
			method, target, body string
			status               int
			has                  string
		}{
			{ann, "GET", "injectors/cot/uid", "", 403, ""}, {ann, "POST", "injectors/cot/uid", `{"uid":"a","toInject":"<x/>"}`, 403, ""},
			{root, "POST", "injectors/cot/uid", `{"uid":"a","toInject":"<x y='1'/>"}`, 200, `"data":[{"uid":"a","toInject":"<x y='1'/>"}]`},
			{root, "POST", "injectors/cot/uid", `{"uid":"a","toInject":"<x y='1'/>"}`, 200, `"data":[{"uid":"a"`},
			{root, "POST", "injectors/cot/uid", `{"uid":"a","toInject":"</detail><x>"}`, 400, ""}, {root, "POST", "injectors/cot/uid", `{"uid":"a","toInject":"text"}`, 400, ""},
			{root, "POST", "injectors/cot/uid", `{"uid":"","toInject":"<x/>"}`, 400, ""}, {root, "POST", "injectors/cot/uid", `x`, 400, ""},
			{root, "GET", "injectors/cot/uid", "", 200, `"nodeId"`}, {root, "GET", "injectors/cot/uid/b", "", 200, `"data":[]`},

			{ann, "POST", "maplayers", `{"name":"OSM","url":"https://h/{z}"}`, 403, ""}, {root, "POST", "maplayers", `{"uid":"l1","name":"OSM","url":"https://h/{z}/{x}/{y}.png","minZoom":1,"enabled":true}`, 200, `"uid":"l1"`},
			{root, "POST", "maplayers", `{"name":"bad","url":"javascript:alert(1)"}`, 400, ""}, {root, "PUT", "maplayers", `{"uid":"l1","name":"Topo","url":"https://h/t","maxZoom":9}`, 200, `"maxZoom":9`},
			{ann, "GET", "maplayers/all", "", 200, `"name":"Topo"`}, {ann, "GET", "maplayers/l1", "", 200, `"url":"https://h/t"`}, {ann, "GET", "maplayers/none", "", 404, ""},
			{ann, "DELETE", "maplayers/l1", "", 403, ""}, {root, "DELETE", "maplayers/l1", "", 200, ""}, {root, "DELETE", "maplayers/l1", "", 404, ""},

			{ann, "PUT", "properties/u1", `{"k":"v"}`, 200, `{"k":"v"}`}, {ann, "PUT", "properties/u1", `{"k":"w","l":"x"}`, 400, ""}, {ann, "PUT", "properties/u1", `{"all":"w"}`, 400, ""},
			{ann, "PUT", "properties/u1", `{"k":"a\u0000b"}`, 400, ""},
			{own, "PUT", "properties/u1", `{"m":"v"}`, 403, ""}, {eve, "PUT", "properties/u1", `{"k":"stolen"}`, 403, ""}, {eve, "GET", "properties/u1/k", "", 404, ""},
			{own, "GET", "properties/u1/k", "", 200, `"data":"v"`}, {own, "GET", "properties/u1/all", "", 200, `{"k":"v"}`}, {own, "GET", "properties/uids", "", 200, `"data":["u1"]`},
			{eve, "GET", "properties/u1/all", "", 200, `"data":{}`}, {eve, "GET", "properties/uids", "", 200, `"data":[]`}, {eve, "DELETE", "properties/u1/all", "", 200, ""},
			{ann, "GET", "properties/u1/k", "", 200, `"data":"v"`}, {ann, "DELETE", "properties/u1/k", "", 200, ""}, {ann, "GET", "properties/u1/k", "", 404, ""},

			{ann, "GET", "inputs", "", 403, ""}, {root, "GET", "inputs", "", 200, `"numClients":3`}, {root, "GET", "inputs/tls", "", 200, `"port":8089`}, {root, "GET", "inputs/x", "", 404, ""},
			{ann, "GET", "datafeeds", "", 200, `"data":[]`}, {root, "GET", "inputs/storeForwardChat/enabled", "", 200, `"data":true`},
		} {
			r := httptest.NewRequest(c.method, "/Marti/api/"+c.target, strings.NewReader(c.body))
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: c.by})))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
				t.Errorf("%s %s %s by %s: %d %s", c.method, c.target, c.body, c.by.User, w.Code, w.Body)
			}
		}
		if len(in["a"]) != 1 || string(in["a"][0]) != "<x y='1'/>" {
			t.Errorf("the router was told %q", in)
		}
		in = nil
		if err := admin.New(deps).Load(t.Context()); err != nil || len(in["a"]) != 1 {
			t.Errorf("after a restart: %q, %v", in, err)
		}
		r := httptest.NewRequest("DELETE", "/Marti/api/injectors/cot/uid?uid=a&toInject=%3Cx%20y%3D%271%27%2F%3E", nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(reply.With(r.Context(), reply.Caller{Identity: root})))
		if w.Code != 200 || len(in) != 0 {
			t.Errorf("removed: %d, %q", w.Code, in)
		}
	})
}
