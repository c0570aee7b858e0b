package auth

import (
	"path"
	"testing"
)

func FuzzParseToken(f *testing.F) {
	f.Add("mst_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("mst__")
	f.Add("user:mst_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		id, secret, ok := parseToken(s)
		if ok && s != tokenPrefix+id+"_"+secret {
			t.Fatalf("%q became %q and %q", s, id, secret)
		}
		if ok && (checkUserName(id) != nil || len(id) != tokenIDLen || len(secret) != tokenLen) {
			t.Fatalf("%q is not canonical", s)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("ann@example.org")
	f.Add("Blue Team")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		if checkUserName(s) == nil && (path.Base(s) != s || nameKey(nameKey(s)) != nameKey(s) || len(account(s)) > maxName) {
			t.Fatalf("%q is accepted", s)
		}
		_ = checkGroupName(s)
		_ = checkText("text", s)
	})
}

func FuzzSealed(f *testing.F) {
	s, err := newSealer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.seal("ann", newHA1("ann", "password")))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := s.open("bob", text); err == nil {
			t.Fatalf("%q opens for another owner", text)
		}
	})
}
