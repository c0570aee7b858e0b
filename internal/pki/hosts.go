package pki

import "slices"

// Hosts returns the names and addresses under which clients can reach this
// server, the most useful first: configured names, names of a certificate of its
// owner's, addresses that other machines can reach, and what only this machine
// can use last.
func (a *Authority) Hosts() []string {
	h := wanted(append(slices.Clone(a.cfg.Names), a.cfg.ACME.Domains...), a.startNames())
	var out, local []string
	configured := len(a.cfg.Names) + len(a.cfg.ACME.Domains)
	for i, name := range h.dns {
		if i < configured {
			out = append(out, name)
		} else {
			local = append(local, name)
		}
	}
	for _, addr := range h.addrs {
		if addr.IsLoopback() {
			local = append(local, addr.String())
		} else {
			out = append(out, addr.String())
		}
	}
	return append(out, local...)
}
