package situation

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"muster/cot/wire"
)

// event is one as TAK clients write it, with this in its detail.
func event(t testing.TB, typ, point, detail string) *wire.Event {
	t.Helper()
	if point == "" {
		point = `lat="52.5" lon="13.25" hae="9999999.0" ce="9999999.0" le="9999999.0"`
	}
	e, err := wire.ParseXML([]byte(`<event version="2.0" uid="UID" type="`+typ+`" how="h-e" time="2026-03-01T12:00:00Z" start="2026-03-01T12:00:01Z" stale="2026-03-01T12:05:00Z">`+
		`<point `+point+`/><detail>`+detail+`</detail></event>`), wire.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestItemsShowWhatClientsDraw compares all that the page gets but the fields
// that every item has.
func TestItemsShowWhatClientsDraw(t *testing.T) {
	for _, test := range []struct{ name, typ, point, detail, want string }{
		{"nothing", "a-f-G", "", "", `{"callsign":""}`},
		{
			"report with everything", "a-f-G-U-C", `lat="52.5" lon="13.25" hae="78.4" ce="6.1" le="0"`,
			`<takv device="Pixel" platform="ATAK-CIV" os="34" version="5.4.0"/><contact callsign="FALKE 2" endpoint="*:-1:stcp" phone="+49301"/><uid Droid="FALKE 2"/>` +
				`<__group name="Cyan" role="Team Member"/><status battery="81"/><track course="123.5" speed="1.5"/><precisionlocation geopointsrc="GPS"/><remarks> on foot </remarks>`,
			`{"hae":78.4,"ce":6.1,"le":0,"callsign":"FALKE 2","team":"Cyan","role":"Team Member","battery":81,"course":123.5,"speed":1.5,"remarks":"on foot"}`,
		},
		{"no battery", "a-f-G", "", `<status readiness="true"/>`, `{"callsign":""}`},
		{"empty battery", "a-f-G", "", `<status battery="0"/>`, `{"callsign":"","battery":0}`},
		{"impossible course", "a-f-G", "", `<track course="NaN" speed="1e300"/>`, `{"callsign":""}`},
		{
			"spot with colour", "b-m-p-s-m", "",
			`<contact callsign="R 1"/><color argb="-65536"/><usericon iconsetpath="COT_MAPPING_SPOTMAP/b-m-p-s-m/-65536"/><archive/><link uid="OWNER" type="a-f-G" relation="p-p"/>` +
				`<link uid="SECOND" type="a-f-G" relation="p-p"/><remarks/>`,
			`{"callsign":"R 1","color":-65536,"icon":"COT_MAPPING_SPOTMAP/b-m-p-s-m/-65536","archive":true,"parent":"OWNER"}`,
		},
		{"colour by value", "a-h-G", "", `<color value="-1"/>`, `{"callsign":"","color":-1}`},
		{"colour unsigned", "a-h-G", "", `<color argb="4294901760"/>`, `{"callsign":"","color":-65536}`},
		{"colour in words", "a-h-G", "", `<color argb="red"/>`, `{"callsign":""}`},
		{
			"line", "u-d-f", "",
			`<link point="52.5,13.25,30.0"/><link point=" 52.6 , 13.5 "/><link point="52.7,13.75"/><strokeColor value="-256"/><strokeWeight value="3.0"/><fillColor value="16777215"/><labels_on value="false"/>`,
			`{"callsign":"","points":[[52.5,13.25],[52.6,13.5],[52.7,13.75]],"strokeColor":-256,"strokeWeight":3,"fillColor":16777215,"labels":false}`,
		},
		{
			"route", "b-m-r", "",
			`<link uid="1" type="b-m-p-w" point="52.5,13.25" callsign="SP" relation="c"/><link uid="2" type="b-m-p-c" point="52.6,13.5"/><link_attr method="Walking"/><labels_on value="true"/>`,
			`{"callsign":"","route":true,"points":[[52.5,13.25],[52.6,13.5]],"labels":true}`,
		},
		{
			"closed polygon", "u-d-f", "",
			`<link point="1,1"/><link point="1,2"/><link point="2,2"/><link point="1,1"/><height value="20"/>`,
			`{"callsign":"","points":[[1,1],[1,2],[2,2]],"closed":true,"height":20}`,
		},
		{"there and back", "u-d-f", "", `<link point="1,1"/><link point="1,2"/><link point="1,1"/>`, `{"callsign":"","points":[[1,1],[1,2],[1,1]]}`},
		{"rectangle", "u-d-r", "", `<link point="1,1"/><link point="1,2"/><link point="2,2"/><link point="2,1"/>`, `{"callsign":"","points":[[1,1],[1,2],[2,2],[2,1]],"closed":true}`},
		{"polygon of WinTAK", "u-d-p", "", `<link point="1,1"/><link point="1,2"/><link point="2,2"/>`, `{"callsign":"","points":[[1,1],[1,2],[2,2]],"closed":true}`},
		{
			"shape", "u-d-f-m", "",
			`<shape><polyline closed="true"><vertex lat="1" lon="1" hae="0"/><vertex lat="1" lon="2"/><vertex lat="91" lon="2"/><other lat="5" lon="5"/></polyline></shape>`,
			`{"callsign":"","points":[[1,1],[1,2]],"closed":true}`,
		},
		{"open shape", "u-d-f-m", "", `<shape><polyline closed="false"><vertex lat="1" lon="1"/><vertex lat="1" lon="2"/></polyline></shape>`, `{"callsign":"","points":[[1,1],[1,2]]}`},
		{"circle", "u-d-c-c", "", `<shape><ellipse major="500.5" minor="500.5" angle="360"/><ellipse major="1" minor="1"/><link/></shape>`, `{"callsign":"","ellipse":{"major":500.5,"minor":500.5,"angle":360}}`},
		{"ellipse", "u-d-c-e", "", `<shape><ellipse major="500" minor="200"/></shape>`, `{"callsign":"","ellipse":{"major":500,"minor":200,"angle":0}}`},
		{"half an ellipse", "u-d-c-e", "", `<shape><ellipse major="500" minor="x"/></shape>`, `{"callsign":""}`},
		{"range and bearing", "u-rb-a", "", `<range value="1500.5"/><bearing value="45.5"/><inclination value="1"/>`, `{"callsign":"","rangeBearing":{"range":1500.5,"bearing":45.5}}`},
		{"bearing without a number", "u-rb-a", "", `<range value=""/><bearing value="north"/>`, `{"callsign":""}`},
		{
			"camera", "b-m-p-s-p-loc", "",
			`<sensor azimuth="90" fov="45" vfov="30" range="250" elevation="0"/><__video url="rtsp://tak.example/cam"/>`,
			`{"callsign":"","sensor":{"azimuth":90,"fov":45,"vfov":30,"range":250},"video":{"url":"rtsp://tak.example/cam"}}`,
		},
		{"camera of unknown reach", "b-m-p-s-p-loc", "", `<sensor azimuth="0" fov="45"/>`, `{"callsign":"","sensor":{"azimuth":0,"fov":45,"range":100}}`},
		{"camera that looks nowhere", "b-m-p-s-p-loc", "", `<sensor fov="45" range="250"/>`, `{"callsign":""}`},
		{
			"video put together", "b-m-p-s-p-loc", "",
			`<__video uid="V"><ConnectionEntry uid="V" alias="Gate" protocol="rtsp" address="cam.example" port="8554" path="/main"/></__video>`,
			`{"callsign":"","video":{"url":"rtsp://cam.example:8554/main","alias":"Gate"}}`,
		},
		{"video without a port", "b-m-p-s-p-loc", "", `<__video><ConnectionEntry protocol="udp" address="239.1.1.1" port="-1"/></__video>`, `{"callsign":"","video":{"url":"udp://239.1.1.1"}}`},
		{"raw video", "b-m-p-s-p-loc", "", `<__video><ConnectionEntry protocol="raw" address="https://x.example/a.m3u8?b=c" port="80" path="/x"/></__video>`, `{"callsign":"","video":{"url":"https://x.example/a.m3u8?b=c"}}`},
		{"the address itself goes first", "b-m-p-s-p-loc", "", `<__video url="rtsp://a"><ConnectionEntry alias="A" protocol="raw" address="rtsp://b"/></__video>`, `{"callsign":"","video":{"url":"rtsp://a","alias":"A"}}`},
		{"no video", "b-m-p-s-p-loc", "", `<__video><ConnectionEntry alias="A"/></__video><__video/>`, `{"callsign":""}`},
		{"geofence", "u-d-c-c", "", `<__geofence trigger="Entry" monitor="All" boundingSphere="1"/>`, `{"callsign":"","geofence":true}`},
		{"emergency", "b-a-o-tbl", "", `<contact callsign="A-Alert"/><emergency type="911 Alert">A</emergency><link uid="A" relation="p-p"/>`, `{"callsign":"A-Alert","emergency":"911 Alert","parent":"A"}`},
		{"cancelled emergency", "b-a-o-can", "", `<emergency cancel="true" type="911 Alert">A</emergency>`, `{"callsign":""}`},
		{"points beyond the world", "u-d-f", "", `<link point="91,0"/><link point="0,181"/><link point="NaN,0"/><link point="1"/><link point=",,"/><link point="-90,-180"/>`, `{"callsign":"","points":[[-90,-180]]}`},
		{"unknown height", "a-f-G", `lat="0" lon="0" hae="9999999" ce="9999999.0" le="10000000"`, "", `{"callsign":""}`},
		{"below the sea", "a-f-G", `lat="0" lon="0" hae="-12.5" ce="1" le="1"`, "", `{"callsign":"","hae":-12.5,"ce":1,"le":1}`},
		{"what nobody knows", "a-f-G", "", `<__secret><color argb="1"/></__secret><remarks source="x">a <b>c</b></remarks>`, `{"callsign":"","remarks":"a"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := event(t, test.typ, test.point, test.detail)
			it := ItemOf(e, "olga", []string{"red"})
			if it.UID != "UID" || it.Type != test.typ || it.How != "h-e" || it.User != "olga" || len(it.Groups) != 1 || it.Connected {
				t.Errorf("%+v", it)
			}
			noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
			if it.Time != noon || it.Start != noon+1000 || it.Stale != noon+300_000 || it.Lat != e.Point.Lat || it.Lon != e.Point.Lon {
				t.Errorf("%+v", it)
			}
			b, err := json.Marshal(it)
			if err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			for _, common := range []string{"uid", "type", "how", "time", "start", "stale", "lat", "lon", "user", "groups"} {
				delete(got, common)
			}
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, want %s", b, test.want)
			}
		})
	}
}

func TestItemsAreBounded(t *testing.T) {
	var links strings.Builder
	for i := range maxPoints + 100 {
		fmt.Fprintf(&links, `<link point="%d.%04d,1"/>`, i/10000, i%10000)
	}
	l := wire.DefaultLimits()
	l.Event = 16 << 20
	e, err := wire.ParseXML([]byte(`<event version="2.0" uid="U" type="u-d-f" time="2026-03-01T12:00:00Z" start="2026-03-01T12:00:00Z" stale="2026-03-01T12:00:00Z" how="h-e">`+
		`<point lat="0" lon="0" hae="0" ce="0" le="0"/><detail>`+links.String()+`</detail></event>`), l)
	if err != nil {
		t.Fatal(err)
	}
	if it := ItemOf(e, "", nil); len(it.Points) != maxPoints || it.Groups == nil {
		t.Errorf("%d points", len(it.Points))
	}
}

func TestNumbersThatJSONCannotHoldAreLeftOut(t *testing.T) {
	e := wire.New("U", "a-f-G", "m-g", time.Now(), time.Minute)
	e.Point = wire.Point{Lat: 1, Lon: 2, HAE: math.Inf(-1), CE: math.NaN(), LE: math.Inf(1)}
	e.Course, e.Speed = math.Inf(1), math.NaN()
	it := ItemOf(e, "", nil)
	if it.HAE != nil || it.CE != nil || it.LE != nil || it.Course != nil || it.Speed != nil {
		t.Errorf("%+v", it)
	}
	if _, err := json.Marshal(it); err != nil {
		t.Error(err)
	}
}

func TestPagesHaveUidsOfTheirOwn(t *testing.T) {
	if Owner(UID("olga")) != "olga" || Owner("ANDROID-1") != "" || Owner("") != "" {
		t.Error(Owner(UID("olga")), Owner("ANDROID-1"))
	}
}
