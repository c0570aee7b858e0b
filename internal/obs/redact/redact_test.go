package redact

import (
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	for name, want := range map[string]bool{
		"password": true, "Password": true, "pass": true, "userPass": true, "token": true, "access_token": true,
		"streamKey": true, "api-key": true, "KEY": true, "Authorization": true, "Set-Cookie": true, "srt.passphrase": true,
		"clientSecret": true, "PASSWORD": true, "x.token": true,
		"keyFrame": false, "keyframes": false, "tokenID": false, "passed": false, "part": false, "": false, "_": false,
		"compass": false, "user": false, "monkey": false,
	} {
		if got := Key(name); got != want {
			t.Errorf("Key(%q) = %v", name, got)
		}
	}
}

func TestString(t *testing.T) {
	const secret = "hunter2X"
	for _, in := range []string{
		"got mst_ab12_hunter2X from x",
		"pull rtsp://cam:hunter2X@10.0.0.1:554/x",
		"pull rtsp://cam:p@hunter2X@10.0.0.1:554/x",
		"pull rtsp://:hunter2X@10.0.0.1:554/x",
		"pull rtsp://cam:a/hunter2X@10.0.0.1:554/x",
		"GET /live?user=a&pass=hunter2X&x=1",
		"GET /live?token=hunter2X",
		"GET /live?key=hunter2X#f",
		"GET /live?access_token=hunter2X",
		"streamid=publish:live/a:bob:hunter2X",
		"#!::m=publish,r=a,u=bob,s=hunter2X",
		"#!::s=hunter2X,m=read",
		"Authorization: Digest username=\"a\", response=\"hunter2X\"",
		"authorization=Basic hunter2X",
		"header Bearer hunter2Xhunter2Xhunter2X.ab",
		"Cookie: a=b; sid=hunter2X",
		`{"user":"a","password":"hunter2X"}`,
		`{"user":"a","streamKey" : "hunter\"2Xhunter2X"}`,
		"{User:a Password:hunter2X}",
		"dsn user=a password=hunter2X host=b",
		"streamKey=hunter2X",
		"PASSWORD=hunter2X",
		"postgres://muster:hunter2X@db/muster",
	} {
		if out := String(in); strings.Contains(out, secret) || !strings.Contains(out, Mask) {
			t.Errorf("%q -> %q", in, out)
		}
	}
}

func TestStringLeavesTheRest(t *testing.T) {
	for _, in := range []string{
		"", "listening on [::]:8554", "GET /live?user=a&x=1", "rtsp://10.0.0.1:554/x", "basic authentication asked for",
		"key frame asked", "keyframe=true", "compass=12", "http://host:8080/a", "user alice, part rtsp", "monkey=1",
		"the token has expired", "password: it is empty",
	} {
		if out := String(in); out != in {
			t.Errorf("%q -> %q", in, out)
		}
	}
}

func TestConfigLine(t *testing.T) {
	for in, want := range map[string]string{
		"  adminPaswrd: hunter2":              "  adminPaswrd: [redacted]",
		"  - token: abc":                      "  - token: [redacted]",
		"  url: rtsp://a:b@c/d":               "  url: rtsp://a:[redacted]@c/d",
		"  address: :8554":                    "  address: :8554",
		"a: {adminPassword: 'hunter2', b: 1}": "a: {adminPassword: [redacted], b: 1}",
		"password:":                           "password:",
	} {
		if got := ConfigLine(in); got != want {
			t.Errorf("%q -> %q, want %q", in, got, want)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("rtsp://a:b@c?pass=x mst_1")
	f.Fuzz(func(t *testing.T, s string) {
		_ = String(s)
		_ = ConfigLine(s)
		_ = Key(s)
		if strings.Contains(String("mst_abcdef "+s), "mst_abcdef") {
			t.Fatal("a token survived")
		}
	})
}

func BenchmarkOrdinaryLine(b *testing.B) {
	for b.Loop() {
		String("session opened from 10.0.0.1:51234 for live/cam1")
	}
}
