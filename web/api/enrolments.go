package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"muster/cot/marti/enroll"
	"muster/internal/auth"
)

// Identity is what accounts have beside names, passwords and tokens.
type Identity interface {
	Enrolments
	Factors
	OIDC
	Resets
	SetOwnPassword(ctx context.Context, id auth.Identity, password string) (auth.Identity, error)
	RefreshUser(ctx context.Context, name string) error
}

// Enrolments lets devices get certificates.
type Enrolments interface {
	CreateEnrolment(ctx context.Context, user, device string, life time.Duration) (auth.Enrolment, string, error)
	ListEnrolments(ctx context.Context, user string) ([]auth.Enrolment, error)
}

// Factors keeps second factors.
type Factors interface {
	HasTOTP(ctx context.Context, user string) (bool, error)
	BeginTOTP(ctx context.Context, user string) (secret, uri string, err error)
	ConfirmTOTP(ctx context.Context, id auth.Identity, code string) (recovery []string, now auth.Identity, err error)
	ResetTOTP(ctx context.Context, user string) error
}

// OIDC logs browsers in with other providers.
type OIDC interface {
	Providers() []auth.Provider
	BeginOIDC(ctx context.Context, provider, redirect, next string) (address, flow string, err error)
	FinishOIDC(ctx context.Context, provider, flow, state, code string, remote netip.Addr) (auth.Identity, string, error)
}

// Enroller makes what devices are set up with.
type Enroller interface {
	Links(host, user, token string) enroll.Links
	SoftPackage(ctx context.Context, s enroll.Soft) ([]byte, error)
}

// Enrolment is the permission to enrol one device.
type Enrolment struct {
	ID      string     `json:"id"`
	User    string     `json:"user"`
	Device  string     `json:"device"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty" doc:"When a device used it; left out: not yet."`
}

type enrolmentsOut struct {
	Body struct {
		Enrolments []Enrolment `json:"enrolments"`
	}
}

type newEnrolmentIn struct {
	Body struct {
		User    string `json:"user" maxLength:"64"`
		Device  string `json:"device,omitempty" maxLength:"64" doc:"Which device it is for, for people."`
		Minutes int    `json:"minutes,omitempty" minimum:"0" maximum:"1440" doc:"How long it is valid; 0: as configured."`
		Mail    bool   `json:"mail,omitempty" doc:"Send the address of the page to the user's mail address."`
	}
}

type newEnrolmentOut struct {
	Body struct {
		ID       string    `json:"id"`
		Token    string    `json:"token" doc:"Stands for the password, once. It is shown this once."`
		Expires  time.Time `json:"expires"`
		ATAKURL  string    `json:"atakUrl" doc:"Address that ATAK opens, also from a QR code. It holds the token."`
		ITAKText string    `json:"itakText" doc:"Text of iTAK's QR code."`
		Page     string    `json:"page" doc:"Page with all of this, to open on the device. Its address holds the token."`
	}
}

func enrolmentOf(e auth.Enrolment) Enrolment {
	return Enrolment{ID: e.ID, User: e.User, Device: e.Device, Created: e.Created, Expires: e.Expires, Used: timeOf(e.Used)}
}

func (a *API) enrolments() {
	register(a, user, op("listEnrolments", http.MethodGet, "/enrolments", "Enrolments of devices: all for administrators, your own for others"),
		func(ctx context.Context, id auth.Identity, _ *none) (*enrolmentsOut, error) {
			list, err := a.enrolmentsOf(ctx, id)
			if err != nil {
				return nil, err
			}
			out := &enrolmentsOut{}
			out.Body.Enrolments = []Enrolment{}
			for _, e := range list {
				out.Body.Enrolments = append(out.Body.Enrolments, enrolmentOf(e))
			}
			return out, nil
		})
	add := op("addEnrolment", http.MethodPost, "/enrolments", "Let a device get its certificate, once")
	add.DefaultStatus = http.StatusCreated
	register(a, user, add, a.addEnrolment)
	register(a, user, op("removeEnrolment", http.MethodDelete, "/enrolments/{id}", "Take an enrolment back"),
		func(ctx context.Context, id auth.Identity, in *tokenID) (*none, error) {
			list, err := a.enrolmentsOf(ctx, id)
			if err != nil {
				return nil, err
			}
			for _, e := range list {
				if e.ID == in.ID {
					return nil, a.Tokens.RevokeToken(ctx, e.ID)
				}
			}
			return nil, refuse(http.StatusNotFound, "There is no such enrolment.")
		})
}

// enrolmentsOf returns those that id may see.
func (a *API) enrolmentsOf(ctx context.Context, id auth.Identity) ([]auth.Enrolment, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if auth.Allow(id, auth.Admin, auth.Server()) == nil {
		return a.Identity.ListEnrolments(ctx, "")
	}
	return a.Identity.ListEnrolments(ctx, id.User)
}

func (a *API) addEnrolment(ctx context.Context, id auth.Identity, in *newEnrolmentIn) (*newEnrolmentOut, error) {
	if a.Identity == nil || a.Enroller == nil {
		return nil, errStopped
	}
	if err := mayHandOut(id); err != nil {
		return nil, err
	}
	b := in.Body
	if b.User != id.User && auth.Allow(id, auth.Admin, auth.Server()) != nil {
		return nil, refuse(http.StatusForbidden, "Only administrators enrol the devices of others.")
	}
	email := ""
	if b.Mail {
		var err error
		if email, err = a.mailable(ctx, b.User); err != nil {
			return nil, err
		}
	}
	e, token, err := a.Identity.CreateEnrolment(ctx, b.User, b.Device, time.Duration(b.Minutes)*time.Minute)
	if err != nil {
		return nil, err
	}
	a.Log.Info("enrolment opened", "user", e.User, "device", e.Device, "by", id.User)
	l := a.Enroller.Links("", e.User, token)
	if b.Mail {
		if err := a.mailError(a.Mail.Send(enrolmentMail(a.Name, email, e, l.Page))); err != nil {
			return nil, err
		}
	}
	out := &newEnrolmentOut{}
	o := &out.Body
	o.ID, o.Token, o.Expires, o.ATAKURL, o.ITAKText, o.Page = e.ID, token, e.Expires, l.ATAK, l.ITAK, l.Page
	return out, nil
}

type packageIn struct {
	Body struct {
		User     string      `json:"user,omitempty" maxLength:"64" doc:"Whose device it is; not needed for the form enroll."`
		Device   string      `json:"device,omitempty" maxLength:"64"`
		Callsign string      `json:"callsign,omitempty" maxLength:"64"`
		Team     string      `json:"team,omitempty" maxLength:"32" doc:"Colour of the team, such as Cyan."`
		Role     string      `json:"role,omitempty" maxLength:"32" doc:"Role in the team, such as Team Member."`
		Form     enroll.Form `json:"form" enum:"atak,itak,enroll" doc:"atak also serves WinTAK. enroll holds no certificate: the device gets one itself."`
		Days     int         `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"How long the certificate is valid; 0: as configured."`
	}
}

func (a *API) packages() {
	o := op("makePackage", http.MethodPost, "/certificates/package", "Issue a certificate and pack it for a TAK client")
	register(a, admin, binary(o, "application/zip"), func(ctx context.Context, id auth.Identity, in *packageIn) (*fileOut, error) {
		if a.Enroller == nil {
			return nil, errStopped
		}
		b := in.Body
		if b.User == "" && b.Form != enroll.FormEnroll {
			return nil, refuse(http.StatusUnprocessableEntity, "Say whose device it is.")
		}
		zip, err := a.Enroller.SoftPackage(ctx, enroll.Soft{User: b.User, Device: b.Device, Callsign: b.Callsign, Team: b.Team, Role: b.Role, Form: b.Form, Days: b.Days})
		if err != nil {
			return nil, err
		}
		a.Log.Info("connection package made", "user", b.User, "device", b.Device, "form", string(b.Form), "by", id.User)
		return &fileOut{"application/zip", `attachment; filename="connection.zip"`, zip}, nil
	})
}
