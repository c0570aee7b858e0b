package marti

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster/cot"
	"muster/cot/marti/reply"
	"muster/cot/wire"
	"muster/internal/auth"
)

// subscription is an entry of /Marti/api/subscriptions/all. What clients' schemas
// call strings are strings, numbers or not.
type subscription struct {
	DN               string  `json:"dn"`
	Callsign         string  `json:"callsign"`
	ClientUID        string  `json:"clientUid"`
	LastReport       int64   `json:"lastReportMilliseconds"`
	TakClient        string  `json:"takClient"`
	TakVersion       string  `json:"takVersion"`
	Username         string  `json:"username"`
	Groups           []group `json:"groups"`
	Role             string  `json:"role"`
	Team             string  `json:"team"`
	IPAddress        string  `json:"ipAddress"`
	Port             string  `json:"port"`
	PendingWrites    int     `json:"pendingWrites"`
	NumProcessed     int64   `json:"numProcessed"`
	Protocol         string  `json:"protocol"`
	XPath            *string `json:"xpath"`
	SubscriptionUID  string  `json:"subscriptionUid"`
	AppFramerate     string  `json:"appFramerate"`
	Battery          string  `json:"battery"`
	BatteryStatus    string  `json:"batteryStatus"`
	BatteryTemp      string  `json:"batteryTemp"`
	DeviceDataRx     string  `json:"deviceDataRx"`
	DeviceDataTx     string  `json:"deviceDataTx"`
	HeapCurrentSize  string  `json:"heapCurrentSize"`
	HeapFreeSize     string  `json:"heapFreeSize"`
	HeapMaxSize      string  `json:"heapMaxSize"`
	DeviceIPAddress  string  `json:"deviceIPAddress"`
	StorageAvailable string  `json:"storageAvailable"`
	StorageTotal     string  `json:"storageTotal"`
	Incognito        bool    `json:"incognito"`
	HandlerType      string  `json:"handlerType"`
	LastReportDiff   int64   `json:"lastReportDiffMilliseconds"`
}

// maxFilter bounds a geographic filter.
const maxFilter = 64 << 10

// subscriptions serves the connections themselves.
func (s *Server) subscriptions() {
	s.api.HandleFunc("GET /Marti/api/subscriptions/all", admin(s.allSubscriptions))
	s.api.HandleFunc("POST /Marti/api/subscriptions/incognito/{uid}", s.incognito)
	s.api.HandleFunc("PUT /Marti/api/subscriptions/{clientUid}/filter", s.setFilter)
	// Two addresses that the mux cannot tell apart: delete/{uid} and
	// {clientUid}/filter.
	s.api.HandleFunc("DELETE /Marti/api/subscriptions/{clientUid}/{what}", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.PathValue("clientUid") == "delete":
			admin(s.disconnect)(w, r)
		case r.PathValue("what") == "filter":
			s.setFilter(w, r)
		default:
			reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
		}
	})
}

func (s *Server) disconnect(w http.ResponseWriter, r *http.Request) {
	if !s.deps.Alerts.Disconnect(r.PathValue("what")) {
		reply.Error(w, http.StatusNotFound, "Not Found: there is no such connection.")
		return
	}
	s.deps.Node.Envelope(w, "java.lang.Boolean", true)
}

func (s *Server) allSubscriptions(w http.ResponseWriter, r *http.Request) {
	known, err := s.known(r.Context())
	if err != nil {
		s.fail(w, "the groups could not be read", err)
		return
	}
	q := r.URL.Query()
	all := s.deps.Router.Subscriptions(reply.From(r).Identity)
	if q.Get("direction") == "DESCENDING" {
		slices.Reverse(all)
	}
	all = paged(all, q.Get("page"), q.Get("limit"))
	list := []subscription{}
	for _, c := range all {
		list = append(list, subscriptionOf(c, known))
	}
	s.deps.Node.Envelope(w, "com.bbn.marti.remote.SubscriptionInfo", list)
}

// paged cuts one page out of list; the first page is 0 or 1, and -1 is all.
func paged[T any](list []T, page, limit string) []T {
	n, err := strconv.Atoi(limit)
	if err != nil || n <= 0 {
		return list
	}
	p, err := strconv.Atoi(page)
	if err != nil || p < 0 {
		return list
	}
	if p > len(list) {
		return nil
	}
	list = list[min(max(p-1, 0)*min(n, len(list)), len(list)):]
	return list[:min(n, len(list))]
}

func subscriptionOf(c cot.Subscription, known map[string]auth.Group) subscription {
	groups := []group{}
	for _, name := range c.OutGroups {
		groups = append(groups, entry(name, out, known[name], true))
	}
	for _, name := range c.InGroups {
		groups = append(groups, entry(name, in, known[name], true))
	}
	m := c.Metrics
	battery := m["battery"]
	if battery == "" && c.Battery >= 0 {
		battery = strconv.Itoa(c.Battery)
	}
	return subscription{
		DN: c.Subject, Callsign: c.Callsign, ClientUID: c.UID, LastReport: c.LastSeen.UnixMilli(),
		TakClient: c.Takv.Platform, TakVersion: c.Takv.Version, Username: c.User, Groups: groups, Role: c.Role, Team: c.Team,
		IPAddress: c.Remote.Addr().String(), Port: strconv.Itoa(int(c.Remote.Port())), PendingWrites: c.Queue.Events,
		NumProcessed: c.Received, Protocol: c.Protocol, SubscriptionUID: c.ID,
		AppFramerate: m["app_framerate"], Battery: battery, BatteryStatus: m["battery_status"], BatteryTemp: m["battery_temp"],
		DeviceDataRx: m["deviceDataRx"], DeviceDataTx: m["deviceDataTx"], HeapCurrentSize: m["heap_current_size"],
		HeapFreeSize: m["heap_free_size"], HeapMaxSize: m["heap_max_size"], DeviceIPAddress: m["ip_address"],
		StorageAvailable: m["storage_available"], StorageTotal: m["storage_total"], Incognito: c.Incognito, HandlerType: "netty",
		LastReportDiff: time.Since(c.LastSeen).Milliseconds(),
	}
}

// mayTouch reports whether the caller may change what a device receives: its own
// user and administrators. Clients without an account are all one user: they
// could take each other's picture away.
func (s *Server) mayTouch(r *http.Request, uid string) bool {
	id := reply.From(r).Identity
	return isAdmin(r) || !id.System && slices.Contains(s.devices(id, uid), uid)
}

// incognito hides a device, or shows it again when it is hidden.
func (s *Server) incognito(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	// Those that are hidden cannot be seen by their own user either.
	for _, c := range s.deps.Router.Subscriptions(auth.System("marti")) {
		if (c.UID == uid || c.ID == uid) && s.mayTouch(r, c.UID) && s.deps.Switch.SetIncognito(c.UID, !c.Incognito) {
			s.deps.Node.Envelope(w, "java.lang.Boolean", !c.Incognito)
			return
		}
	}
	reply.Error(w, http.StatusNotFound, "Not Found: there is no such connection.")
}

// setFilter gives a device the geographic filter of the body; DELETE takes it
// away.
func (s *Server) setFilter(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("clientUid")
	if !s.mayTouch(r, uid) {
		reply.Error(w, http.StatusNotFound, "Not Found: there is no such connection.")
		return
	}
	var filter []byte
	if r.Method == http.MethodPut {
		body, err := reply.Body(w, r, maxFilter)
		if err != nil {
			return
		}
		l := wire.DefaultLimits()
		l.Event = maxFilter
		el, err := wire.ParseElement(body, l)
		if err == nil && el.Name == "subscription" {
			el, _ = el.Child("geospatialFilter")
		}
		if err != nil || el.Name != "geospatialFilter" {
			reply.Error(w, http.StatusBadRequest, "The body is not a geospatialFilter.")
			return
		}
		filter = el.Raw
	}
	switch err := s.deps.Switch.SetFilter(uid, filter); {
	case errors.Is(err, cot.ErrUnknownClient):
		reply.Error(w, http.StatusNotFound, "Not Found: there is no such connection.")
	case err != nil:
		reply.Error(w, http.StatusBadRequest, "The filter cannot be used.")
	default:
		w.WriteHeader(http.StatusOK)
	}
}
