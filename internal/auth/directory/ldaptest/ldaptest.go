// Package ldaptest gives tests an LDAP server: OpenLDAP's slapd on a loopback
// port, with a small team in it.
package ldaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The names in the directory. Everybody's password is their name and "-secret".
const (
	Base     = "dc=example,dc=org"
	People   = "ou=people," + Base
	Groups   = "ou=groups," + Base
	BindDN   = "cn=reader," + Base
	BindPass = "reader-secret"
	rootDN   = "cn=root," + Base
	rootPass = "root-secret"
)

// Server is a running slapd.
type Server struct {
	URL, TLSURL string // ldap:// and ldaps://
	CAFile      string

	t    *testing.T
	dir  string
	stop func()
}

const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile %[1]s/slapd.pid
TLSCACertificateFile %[1]s/ca.pem
TLSCertificateFile %[1]s/ca.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
maxsize 16777216
suffix "dc=example,dc=org"
directory %[1]s/db
rootdn "cn=root,dc=example,dc=org"
rootpw root-secret
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=example,dc=org" read by * none
`

// ann and the others: uid, full name. mallory's name holds what filters and DNs
// give a meaning to.
const ldif = `dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-secret
`

// Start runs slapd until the test ends. Where it is not installed the test is
// skipped, or fails in CI.
func Start(t *testing.T) *Server {
	t.Helper()
	bin, err := exec.LookPath("slapd")
	if err != nil {
		if _, bin = "", "/usr/sbin/slapd"; exists(bin) {
			err = nil
		}
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("slapd is not installed (apt install slapd)")
		}
		t.Skip("slapd is not installed (apt install slapd)")
	}
	s := &Server{t: t, dir: t.TempDir()}
	s.CAFile = filepath.Join(s.dir, "ca.pem")
	s.write("slapd.conf", fmt.Sprintf(slapdConf, s.dir))
	s.write("base.ldif", ldif)
	s.certificate()
	if err := os.Mkdir(filepath.Join(s.dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(filepath.Dir(bin), "slapadd"), "-f", filepath.Join(s.dir, "slapd.conf"), "-l", filepath.Join(s.dir, "base.ldif")).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v: %s", err, out)
	}
	s.URL, s.TLSURL = "ldap://"+freePort(t), "ldaps://"+freePort(t)
	s.run(bin)
	t.Cleanup(s.Stop)
	for _, u := range []string{"ann", "bob"} {
		s.AddUser(u)
	}
	s.AddGroup("tak_red", "ann", "bob")
	s.AddGroup("tak_blue_READ", "ann")
	s.AddGroup("tak_green_WRITE", "ann")
	s.AddGroup("admins", "ann")
	s.AddGroup("printers", "ann", "bob")
	return s
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (s *Server) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// certificate makes one that is its own authority, for localhost.
func (s *Server) certificate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "slapd"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	pk, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: pk})))
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts slapd and waits until it answers.
func (s *Server) run(bin string) {
	cmd := exec.Command(bin, "-d", "0", "-f", filepath.Join(s.dir, "slapd.conf"), "-h", s.URL+" "+s.TLSURL)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // not even a killed test leaves it behind
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death signal is tied to the thread that starts the process
		defer runtime.UnlockOSThread()
		defer close(ended)
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = cmd.Wait() // ended by our signal
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	for range 200 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "ldap://"))
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			s.t.Fatal("slapd ended right away")
		case <-time.After(25 * time.Millisecond):
		}
	}
	s.t.Fatal("slapd does not answer")
}

// Stop ends slapd, as when the directory is down.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// change runs f as the owner of the directory.
func (s *Server) change(f func(c *ldap.Conn) error) {
	s.t.Helper()
	c, err := ldap.DialURL(s.URL)
	if err == nil {
		defer c.Close()
		err = c.Bind(rootDN, rootPass)
	}
	if err == nil {
		err = f(c)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// UserDN is where a user is.
func UserDN(uid string) string { return "uid=" + ldap.EscapeDN(uid) + "," + People }

// AddUser adds somebody whose password is uid and "-secret".
func (s *Server) AddUser(uid string) {
	s.t.Helper()
	s.change(func(c *ldap.Conn) error {
		a := ldap.NewAddRequest(UserDN(uid), nil)
		a.Attribute("objectClass", []string{"inetOrgPerson"})
		a.Attribute("uid", []string{uid})
		a.Attribute("cn", []string{"Full " + uid})
		a.Attribute("sn", []string{uid})
		a.Attribute("userPassword", []string{uid + "-secret"})
		return c.Add(a)
	})
}

// RemoveUser removes somebody.
func (s *Server) RemoveUser(uid string) {
	s.t.Helper()
	s.change(func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(UserDN(uid), nil)) })
}

// AddGroup adds a group with members.
func (s *Server) AddGroup(name string, members ...string) {
	s.t.Helper()
	s.change(func(c *ldap.Conn) error {
		a := ldap.NewAddRequest("cn="+name+","+Groups, nil)
		a.Attribute("objectClass", []string{"groupOfNames"})
		a.Attribute("cn", []string{name})
		var dns []string
		for _, m := range members {
			dns = append(dns, UserDN(m))
		}
		a.Attribute("member", dns)
		return c.Add(a)
	})
}

// RemoveGroup removes a group.
func (s *Server) RemoveGroup(name string) {
	s.t.Helper()
	s.change(func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("cn="+name+","+Groups, nil)) })
}
