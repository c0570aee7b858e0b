package test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// shape is an event as clients send it; %UID% stands for its uid.
type shape struct{ name, event string }

const (
	evHead  = `<event version="2.0" uid="%UID%" type="`
	evTimes = `" time="2026-03-01T12:00:05.250Z" start="2026-03-01T12:00:05.250Z" stale="2036-03-01T12:06:20.250Z">`
	evPoint = `<point lat="52.516275" lon="13.377704" hae="78.4" ce="6.1" le="9999999.0"/>`
)

// shapes are the events that ATAK and its kin document and send.
var shapes = []shape{
	{"position", evHead + `a-f-G-U-C" how="m-g` + evTimes + evPoint + `<detail><takv os="34" version="5.4.0.11" device="SAMSUNG SM-G781B" platform="ATAK-CIV"/>` +
		`<contact endpoint="*:-1:stcp" phone="+4930123456" callsign="FALKE 2"/><uid Droid="FALKE 2"/><precisionlocation altsrc="GPS" geopointsrc="GPS"/>` +
		`<__group role="Team Member" name="Cyan"/><status battery="81"/><track course="271.4" speed="1.2"/></detail></event>`},
	{"bare", evHead + `a-u-G" how="h-e` + evTimes + evPoint + `<detail/></event>`},
	{"no detail", evHead + `a-u-G" how="h-e` + evTimes + evPoint + `</event>`},
	{"unknown accuracy", evHead + `a-h-G" how="h-e` + evTimes + `<point lat="-33.9" lon="-179.99999999" hae="9999999.0" ce="9999999.0" le="9999999.0"/><detail><archive/></detail></event>`},
	{"marker", evHead + `a-h-G-U-C-F" how="h-g-i-g-o` + evTimes + evPoint + `<detail><status readiness="true"/><archive/><contact callsign="Sperre 4"/>` +
		`<remarks>Straße &lt;gesperrt&gt; &amp; "zu"</remarks><color argb="-65536"/><usericon iconsetpath="COT_MAPPING_2525B/a-h/a-h-G"/>` +
		`<link uid="ANDROID-1" production_time="2026-03-01T12:00:00.000Z" type="a-f-G-U-C" parent_callsign="FALKE 2" relation="p-p"/></detail></event>`},
	{"spot", evHead + `b-m-p-s-m" how="h-g-i-g-o` + evTimes + evPoint + `<detail><contact callsign="P.1"/><color argb="-256"/><usericon iconsetpath="COT_MAPPING_SPOTMAP/b-m-p-s-m/-256"/></detail></event>`},
	{"route", evHead + `b-m-r" how="h-e` + evTimes + evPoint + `<detail><link uid="w1" callsign="" type="b-m-p-w" point="52.5,13.4" remarks="" relation="c"/>` +
		`<link uid="w2" callsign="Z" type="b-m-p-c" point="52.6,13.5,33.1" remarks="" relation="c"/><link_attr planningmethod="Infil" color="-1" method="Driving" prefix="CP" type="Vehicle" stroke="3" direction="Infil" routetype="Primary" order="Ascending Check Points"/>` +
		`<strokeColor value="-1"/><strokeWeight value="3.0"/><contact callsign="Route 1"/><remarks/><__routeinfo><__navcues><__navcue voice="Left" id="w1" text="Left"><trigger mode="d" value="80"/></__navcue></__navcues></__routeinfo></detail></event>`},
	{"drawing", evHead + `u-d-f" how="h-e` + evTimes + evPoint + `<detail><link point="52.1,13.1"/><link point="52.2,13.2"/><link point="52.1,13.1"/><strokeColor value="-16776961"/>` +
		`<strokeWeight value="4.0"/><fillColor value="1073742079"/><contact callsign="Area 1"/><labels_on value="true"/><height unit="4" value="15.0">15.0</height></detail></event>`},
	{"circle", evHead + `u-d-c-c" how="h-e` + evTimes + evPoint + `<detail><shape><ellipse major="120.5" minor="120.5" angle="360"/><link uid="%UID%.Style" type="b-x-KmlStyle" relation="p-c"><Style><LineStyle><color>ffffffff</color><width>3.0</width></LineStyle></Style></link></shape><__geofence elevationMonitored="false" trigger="Both" tracking="true" monitor="All" minElevation="NaN" boundingSphere="75000.0" maxElevation="NaN"/></detail></event>`},
	{"casevac", evHead + `b-r-f-h-c" how="h-e` + evTimes + evPoint + `<detail><contact callsign="MED.1"/><_medevac_ title="MED.1" casevac="false" freq="30.0" urgent="1" routine="0" equipment_none="true" litter="1" security="0" hlz_marking="3"><zMistsMap><zMist z="Z1" m="gsw" i="leg" s="stable" t="tq" title="ZMIST1"/></zMistsMap></_medevac_></detail></event>`},
	{"chat", evHead + `b-t-f" how="h-g-i-g-o` + evTimes + evPoint + `<detail><__chat parent="RootContactGroup" groupOwner="false" messageId="m1" chatroom="All Chat Rooms" id="All Chat Rooms" senderCallsign="FALKE 2"><chatgrp uid0="ANDROID-1" uid1="All Chat Rooms" id="All Chat Rooms"/></__chat>` +
		`<link uid="ANDROID-1" type="a-f-G-U-C" relation="p-p"/><__serverdestination destinations="10.0.0.7:4242:tcp:ANDROID-1"/><remarks source="BAO.F.ATAK.ANDROID-1" to="All Chat Rooms" time="2026-03-01T12:01:00.000Z">Grüße an alle 👋</remarks></detail></event>`},
	{"file", evHead + `b-f-t-r" how="h-e` + evTimes + evPoint + `<detail><fileshare filename="obs-3.zip" name="obs-3" senderUrl="https://tak.example.net:8443/Marti/sync/content?hash=9f86d081&amp;x=1" sizeInBytes="48213" sha256="9f86d081" senderUid="ANDROID-1" senderCallsign="FALKE 2"/><ackrequest uid="a1" ackrequested="true" tag="obs-3"/></detail></event>`},
	{"video", evHead + `b-i-v" how="m-g` + evTimes + evPoint + `<detail><__video uid="v1" url="rtsp://tak.example.net:8554/drohne1"><ConnectionEntry uid="v1" alias="Drohne 1" protocol="rtsp" address="tak.example.net" port="8554" path="/drohne1" roverPort="-1" networkTimeout="12000" bufferTime="-1" rtspReliable="1" ignoreEmbeddedKLV="false"/></__video><contact callsign="Drohne 1"/></detail></event>`},
	{"sensor", evHead + `b-m-p-s-p-loc" how="m-g` + evTimes + evPoint + `<detail><sensor azimuth="45" fov="60" vfov="40" range="200" elevation="0" roll="0" model="X" type="r-e" fovRed="1" fovGreen="1" fovBlue="0" fovAlpha="0.2" displayMagneticReference="0"/><__video url="rtsp://c:8554/x"/><contact callsign="CAM"/><status battery="81"/></detail></event>`},
	{"bearing", evHead + `u-rb-a" how="h-e` + evTimes + evPoint + `<detail><range value="1234.5"/><bearing value="12.5"/><inclination value="NaN"/><rangeUnits value="1"/><bearingUnits value="0"/><northRef value="1"/><strokeColor value="-1"/><contact callsign="R&amp;B 1"/></detail></event>`},
	{"flow tags", evHead + `a-f-A-M-F-Q" how="m-g` + evTimes + evPoint + `<detail><_flow-tags_ TAK-Server-1="2026-03-01T12:00:05Z"/><contact callsign="UAS"/><track speed="22.5" course="90"/><other xmlns="urn:x" a="1"><deep><deeper>t</deeper></deep></other></detail></event>`},
}

// doubled is a frame whose contact is typed and in xmlDetail.
func doubled(t *testing.T) []byte {
	t.Helper()
	str := func(b []byte, n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	sub := func(b []byte, n protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
	}
	detail := str(nil, 1, `<contact callsign="XML" endpoint="e"/>`)
	detail = sub(detail, 2, str(str(nil, 1, "e"), 2, "TYPED"))
	ev := str(str(str(nil, 1, "b-m-p-s-m"), 5, "typed twice"), 9, "h-e")
	for n := protowire.Number(6); n <= 8; n++ {
		ev = protowire.AppendVarint(protowire.AppendTag(ev, n, protowire.VarintType), 1893456000000)
	}
	for n := protowire.Number(10); n <= 14; n++ {
		ev = protowire.AppendFixed64(protowire.AppendTag(ev, n, protowire.Fixed64Type), 0)
	}
	return framed(sub(nil, 2, sub(ev, 15, detail)))
}
