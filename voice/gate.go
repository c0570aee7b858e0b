package voice

import (
	"context"

	"muster/internal/auth"
)

// Gate is asked about each login that the credentials of the house allow. It can
// turn it away, and never let in whom they do not.
type Gate interface {
	// Admit may take as long as ctx lasts: only the client that logs in waits. An
	// error refuses the login.
	Admit(ctx context.Context, l Login) (Admission, error)
}

// Login is somebody who is about to be let in. Passwords are not among it.
type Login struct {
	Name         string        // as the client calls itself
	Identity     auth.Identity // whose it is
	Certificates [][]byte      // DER, the leaf first; may be made by the client itself
	Hash         string        // SHA-1 of the leaf, in hex
	Strong       bool          // the leaf is of the house's authority and has proven the identity
}

// Admission is what a Gate says.
type Admission struct {
	Refused bool
	Name    string   // to be shown; empty: as the client calls itself
	Groups  []string // of the root channel, and so of all: see Server.JoinGroup
}

// pass asks the gate, if there is one.
func (c *conn) pass(ctx context.Context, n *newcomer) error {
	if c.s.deps.Gate == nil {
		return nil
	}
	l := Login{Name: n.name, Identity: n.id, Hash: c.hash(), Strong: n.strong}
	for _, cert := range c.certs {
		l.Certificates = append(l.Certificates, cert.Raw)
	}
	a, err := c.s.deps.Gate.Admit(ctx, l)
	switch {
	case err != nil:
		return refused(err)
	case a.Refused:
		return refused(auth.ErrBadCredentials)
	}
	if a.Name != n.name {
		n.shown = a.Name
	}
	n.groups = a.Groups
	return nil
}
