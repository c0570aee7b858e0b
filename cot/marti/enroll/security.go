package enroll

import (
	"fmt"
	"net/http"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

// securityConfig is TAK Server's description of its own keys. Files and passwords
// are nobody's business: they are empty.
type securityConfig struct {
	KeystoreFile        string  `json:"keystoreFile"`
	TruststoreFile      string  `json:"truststoreFile"`
	KeystorePass        string  `json:"keystorePass"`
	TruststorePass      string  `json:"truststorePass"`
	TLSVersion          string  `json:"tlsVersion"`
	X509Groups          bool    `json:"x509Groups"`
	X509AddAnon         bool    `json:"x509addAnon"`
	EnableEnrollment    bool    `json:"enableEnrollment"`
	CAType              string  `json:"caType"`
	SigningKeystoreFile string  `json:"signingKeystoreFile"`
	SigningKeystorePass string  `json:"signingKeystorePass"`
	ValidityDays        int     `json:"validityDays"`
	MSCAUserName        *string `json:"mscaUserName"`
	MSCAPassword        *string `json:"mscaPassword"`
	MSCATruststore      *string `json:"mscaTruststore"`
	MSCATruststorePass  *string `json:"mscaTruststorePass"`
	MSCATemplateName    *string `json:"mscaTemplateName"`
}

// authConfig is TAK Server's description of its LDAP directory.
type authConfig struct {
	URL            string `json:"url"`
	UserString     string `json:"userString"`
	UpdateInterval int    `json:"updateInterval"` // seconds
	GroupPrefix    string `json:"groupPrefix"`
	BindDN         string `json:"serviceAccountDN"`
	BindPassword   string `json:"serviceAccountCredential"`
	GroupBase      string `json:"groupBaseRDN"`
}

func (a *API) securityRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /Marti/api/security/config", admin(func(w http.ResponseWriter, r *http.Request) {
		a.Node.Envelope(w, "com.bbn.marti.remote.SecurityConfigInfo", securityConfig{
			TLSVersion: "TLSv1.2", X509Groups: true, EnableEnrollment: true, CAType: "TAKServer", ValidityDays: a.Validity,
		})
	}))
	mux.HandleFunc("GET /Marti/api/authentication/config", admin(func(w http.ResponseWriter, r *http.Request) {
		d := a.Directory
		a.Node.Envelope(w, "com.bbn.marti.remote.AuthenticationConfigInfo", authConfig{
			URL: d.URL, UserString: d.UserString, UpdateInterval: int(d.Refresh.Seconds()), GroupPrefix: d.GroupPrefix, BindDN: d.BindDN, GroupBase: d.GroupBase,
		})
	}))
	// The port of plain streams takes a login unless that was switched off; what
	// crosses it can be read by others either way.
	mux.HandleFunc("GET /Marti/api/security/isSecure", func(w http.ResponseWriter, r *http.Request) {
		if auth.Allow(reply.From(r).Identity, auth.Join, auth.Server()) != nil {
			reply.Error(w, http.StatusForbidden, "This login is not valid for this.")
			return
		}
		answer := "true"
		if port := a.port(0, doorPlain...); port != 0 {
			answer = fmt.Sprintf("[%d]", port)
		}
		a.Node.Envelope(w, "isSecure?", answer)
	})
	mux.HandleFunc("GET /Marti/api/security/verifyConfig", admin(func(w http.ResponseWriter, r *http.Request) {
		answer := "Valid"
		if _, err := a.Authority.TrustStoreP12(p12Password); err != nil {
			a.log.Error("the trust store cannot be made", "error", err)
			answer = "The trust store cannot be made; the server's log says why."
		}
		a.Node.Envelope(w, "com.bbn.marti.remote.SecurityConfigInfo", answer)
	}))
}
