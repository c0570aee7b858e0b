package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"muster/web/problem"
)

// hosts knows the names of this server. A request for another name is what a
// page sends whose name was made to lead here (DNS rebinding): to the browser,
// such a page and this server are one site.
type hosts struct {
	fixed   map[string]bool
	current func() []string // may change with the certificate; nil: there are no others

	mu    sync.Mutex // guards what follows
	known []string   // what current said
	asked time.Time
}

// namesFor is how long the names of the certificate are taken for current:
// asking goes through the addresses of the machine.
const namesFor = 5 * time.Second

func newHosts(names []string, current func() []string) *hosts {
	h := &hosts{fixed: map[string]bool{"localhost": true}, current: current}
	for _, n := range names {
		h.fixed[strings.ToLower(n)] = true
	}
	return h
}

// ours reports whether hostport, a Host header, names this server. An address
// always does: no page can come from a name that is an address, and behind a
// translating router the server does not know the address it is reached by.
func (h *hosts) ours(hostport string) bool {
	name := hostname(hostport)
	if name == "" {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if h.fixed[name] || strings.HasSuffix(name, ".localhost") {
		return true
	}
	for _, n := range h.names() {
		if matches(strings.ToLower(n), name) {
			return true
		}
	}
	return false
}

// names returns those of the certificate.
func (h *hosts) names() []string {
	if h.current == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.asked.IsZero() || now.Sub(h.asked) >= namesFor {
		h.known, h.asked = h.current(), now
	}
	return h.known
}

// matches compares a name of a certificate with name; *.x stands for one label.
func matches(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		_, tail, found := strings.Cut(name, ".")
		return found && tail == rest
	}
	return pattern == name
}

// hostname returns the host in a Host header, lower case and without port,
// brackets and final dot; "" when it is malformed.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if strings.ContainsAny(host, "/\\@?# \t") {
		return ""
	}
	return host
}

// isName reports whether hostport has a name that others can look up, not an
// address and not localhost.
func isName(hostport string) bool {
	name := hostname(hostport)
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	return strings.Contains(name, ".") && !strings.HasSuffix(name, ".localhost") && !strings.HasSuffix(name, ".local")
}

// check lets requests for our names pass.
func (h *hosts) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.ours(r.Host) {
			problem.Write(w, http.StatusMisdirectedRequest, "This server does not go by the name in this address. If it should, add the name to web.names in its configuration.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// redirect sends clients of plain HTTP to the HTTPS door.
func (h *hosts) redirect(httpsPort func() string) http.Handler {
	return h.check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if port := httpsPort(); port != "443" {
			host = net.JoinHostPort(host, port)
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		target := "https://" + host + r.URL.RequestURI()
		if !strings.HasPrefix(r.URL.RequestURI(), "/") { // OPTIONS *
			target = "https://" + host + "/"
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, target, http.StatusPermanentRedirect)
	}))
}
