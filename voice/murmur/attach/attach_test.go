package attach

import (
	"testing"
)

// TestMurmurd runs the real murmurd with our authenticator.
func TestMurmurd(t *testing.T) {
	h := newHouse(t)
	m := newMurmurd(t, "icesecretwrite="+testSecret+"\nsslCA="+h.caFile())
	m.start()
	h.attach(m)

	t.Run("a password opens its account", func(t *testing.T) {
		c := mustLogin(t, m, "ann", "ann-password")
		if got := c.in(); got != "Root" {
			t.Errorf("is in %q", got)
		}
	})
	for _, tc := range []struct{ name, user, password string }{
		{"a wrong password is refused", "ann", "x"},
		{"no password is refused", "ann", ""},
		{"an unknown name is no guest", "stranger", ""},
		{"an unknown name with a password is no guest", "stranger", "x"},
		{"SuperUser is refused", "SuperUser", "x"},
		{"superuser in other letters is refused", "superuser", "x"},
		{"a long name is refused", string(make([]byte, 300)), "x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := connect(t, m, tc.user, tc.password)
			if got := rejected(err); got != "reject 3" {
				t.Errorf("%s\n%s", got, m.out)
			}
		})
	}
	t.Run("a certificate of ours opens its account under any callsign", func(t *testing.T) {
		c := mustLogin(t, m, "ALPHA---1a2b3cVS1", "", h.certificate("ann", "phone"))
		if c.Self.Name != "ALPHA---1a2b3cVS1" {
			t.Errorf("is called %q", c.Self.Name)
		}
	})
	t.Run("a certificate does not give another account's name", func(t *testing.T) {
		c := mustLogin(t, m, "bob", "", h.certificate("ann", "phone"))
		if c.Self.Name != "ann" {
			t.Errorf("is called %q", c.Self.Name)
		}
	})
}
