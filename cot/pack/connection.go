package pack

import (
	"errors"
	"fmt"
	"strings"
)

// Connection is what a client needs to connect to a server. The key stores are
// PKCS#12 files in the old algorithms that phones can read.
type Connection struct {
	UID         string // of the package; "" is made from the rest
	Host        string // name or address
	Port        uint16 // of the stream; 0 is 8089
	Description string // of the server, as the client lists it; "" is Host

	Callsign, Team, Role string // of the user; "" leaves what the client has

	ClientName     string // of the client's key store, mostly the user; "" is "client"
	Client         []byte // certificate and key
	ClientPassword string
	Trust          []byte // the authorities of the server; nil where the client knows them
	TrustPassword  string

	Extra []Entry // further preferences of the app
}

const truststore = "truststore.p12"

func (c Connection) check() error {
	if c.Host == "" || strings.ContainsAny(c.Host, " /\r\n\t") {
		return errors.New("pack: a connection needs the name or address of the server")
	}
	for _, e := range c.Extra {
		if err := e.Check(); err != nil {
			return fmt.Errorf("pack: %w", err)
		}
	}
	return nil
}

func (c Connection) clientFile() string {
	name := FileName(c.ClientName)
	if name == "" || strings.EqualFold(name+".p12", truststore) {
		name = "client"
	}
	return name + ".p12"
}

func (c Connection) title() string {
	if c.Description == "" {
		return c.Host
	}
	return c.Description
}

// ATAK returns a package for ATAK and WinTAK with both key stores.
func (c Connection) ATAK() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.Client) == 0 || len(c.Trust) == 0 {
		return nil, errors.New("pack: a connection package needs both key stores")
	}
	b := Builder{UID: c.UID, Name: c.title() + " connection", OnReceiveDelete: true}
	b.Add("certs/connection.pref", c.preferences(false))
	b.Add("certs/"+truststore, c.Trust)
	b.Add("certs/"+c.clientFile(), c.Client)
	return b.Bytes()
}

// Enroll returns a package for ATAK and WinTAK that makes the client fetch a
// certificate with the user's name and password.
func (c Connection) Enroll() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b := Builder{UID: c.UID, Name: c.title() + " enrolment", OnReceiveDelete: true}
	b.Add("certs/enrolment.pref", c.preferences(true))
	if len(c.Trust) > 0 {
		b.Add("certs/"+truststore, c.Trust)
	}
	return b.Bytes()
}

// ITAK returns a package for iTAK with both key stores.
func (c Connection) ITAK() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.Client) == 0 || len(c.Trust) == 0 {
		return nil, errors.New("pack: a connection package needs both key stores")
	}
	b := Builder{Plain: true}
	b.Add("config.pref", c.preferences(false))
	b.Add("cert/"+truststore, c.Trust)
	b.Add("cert/"+c.clientFile(), c.Client)
	return b.Bytes()
}

// preferences names the server and the key stores. Clients keep key stores in
// their folder cert, wherever they lie in a package.
func (c Connection) preferences(enroll bool) []byte {
	port := c.Port
	if port == 0 {
		port = 8089
	}
	host := c.Host
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	server := []Entry{
		Number("count", 1),
		Text("description0", c.title()),
		Flag("enabled0", true),
		Text("connectString0", fmt.Sprintf("%s:%d:ssl", host, port)),
	}
	app := []Entry{Flag("displayServerConnectionWidget", true)}
	if len(c.Trust) > 0 {
		server = append(server, Text("caLocation0", "cert/"+truststore), Text("caPassword0", c.TrustPassword))
		app = append(app, Text("caLocation", "cert/"+truststore), Text("caPassword", c.TrustPassword))
	}
	if !enroll {
		server = append(server, Text("certificateLocation0", "cert/"+c.clientFile()), Text("clientPassword0", c.ClientPassword))
		app = append(app, Text("certificateLocation", "cert/"+c.clientFile()), Text("clientPassword", c.ClientPassword))
	}
	server = append(server,
		Flag("useAuth0", enroll),
		Text("cacheCreds0", "Cache credentials"),
		Flag("enrollForCertificateWithTrust0", enroll))
	for _, e := range []Entry{Text("locationCallsign", c.Callsign), Text("locationTeam", c.Team), Text("atakRoleType", c.Role)} {
		if e.Value != "" {
			app = append(app, e)
		}
	}
	return Preferences(Prefs{PrefsServers, server}, Prefs{PrefsApp, append(app, c.Extra...)})
}
