package pki

import (
	"bufio"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxNames      = 100 // in a certificate, of either kind; a host with hundreds of bridges keeps the first
	lookupTimeout = time.Second
)

// hostNames are the names and addresses under which a machine can be reached.
type hostNames struct {
	dns   []string
	addrs []netip.Addr
}

// machineNames asks the operating system: host name, its full form where the
// resolver knows one within a second, the mDNS form, and the addresses of every
// interface.
func machineNames(ctx context.Context) hostNames {
	h := localNames()
	host, err := os.Hostname()
	if err != nil || strings.Contains(host, ".") {
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if fqdn, err := net.DefaultResolver.LookupCNAME(ctx, host); err == nil && strings.Contains(strings.TrimSuffix(fqdn, "."), ".") {
		h.dns = append(h.dns, fqdn)
	}
	return h
}

// localNames is machineNames without asking the resolver.
func localNames() hostNames {
	h := hostNames{
		dns:   []string{"localhost"},
		addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()},
	}
	if host, err := os.Hostname(); err == nil {
		h.dns = append(h.dns, host)
		if !strings.Contains(host, ".") && host != "localhost" {
			h.dns = append(h.dns, host+".local")
		}
	}
	passing := temporaryAddrs()
	list, err := net.InterfaceAddrs()
	if err != nil {
		return h
	}
	for _, a := range list {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ip = ip.Unmap()
		if ok && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && !ip.IsUnspecified() && !passing[ip] {
			h.addrs = append(h.addrs, ip)
		}
	}
	return h
}

// temporaryAddrs returns the IPv6 privacy addresses (RFC 8981) of this machine.
// They change every day and nobody types them; a certificate that followed them
// would change every day, too. Empty where /proc does not tell.
func temporaryAddrs() map[netip.Addr]bool {
	f, err := os.Open("/proc/net/if_inet6")
	if err != nil {
		return nil
	}
	defer f.Close()
	out := make(map[netip.Addr]bool)
	for s := bufio.NewScanner(f); s.Scan(); {
		// address ifindex prefixlen scope flags name, all but the name in hex
		fields := strings.Fields(s.Text())
		if len(fields) < 5 {
			continue
		}
		raw, err1 := hex.DecodeString(fields[0])
		flags, err2 := strconv.ParseUint(fields[4], 16, 32)
		const temporary = 0x01 // IFA_F_TEMPORARY
		if ip, ok := netip.AddrFromSlice(raw); ok && err1 == nil && err2 == nil && flags&temporary != 0 {
			out[ip] = true
		}
	}
	return out
}

// wanted merges the machine's names with the configured ones into what a
// certificate is to hold: canonical, without doubles, the configured ones first.
func wanted(configured []string, h hostNames) hostNames {
	var out hostNames
	add := func(s string) {
		dns, addr, err := parseName(s)
		switch {
		case err != nil:
			// A host name that is not a DNS name cannot be asked for by TLS.
		case dns == "":
			if len(out.addrs) < maxNames && !slices.Contains(out.addrs, addr) {
				out.addrs = append(out.addrs, addr)
			}
		case len(out.dns) < maxNames && !slices.Contains(out.dns, dns):
			out.dns = append(out.dns, dns)
		}
	}
	for _, s := range configured {
		add(s)
	}
	for _, s := range h.dns {
		add(s)
	}
	for _, a := range h.addrs {
		add(a.String())
	}
	return out
}
