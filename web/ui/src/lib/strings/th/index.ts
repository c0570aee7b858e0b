/** ภาษาไทย publish ในที่นี้คือ ถ่ายทอดสด */
import { dateTime, percent } from '$lib/format';
import type { Route } from '$lib/state/router.svelte';
import type { Catalogue } from '..';
import { plurals, protocolName, transports } from '../words';
import { files, missions } from './files';
import { devices, enrolment, login, profiles, retention, totp } from './fleet';
import { mail } from './mail';
import { affiliations, alarm, atoms, chat, map, marks, thing } from './situation';
import { radio } from './radio';
import { rooms, roomTitle } from './rooms';

const plural = plurals('th');
const protocolOf = (name: string) => protocolName(name, 'หน้าเว็บ');

const sections = {
  people: 'บุคคล',
  tokens: 'โทเค็นและคีย์',
  sessions: 'เซสชัน',
  devices: 'อุปกรณ์',
  enrolment: 'ลงทะเบียน',
  certificates: 'ใบรับรอง',
  profiles: 'โปรไฟล์',
  streams: 'สตรีม',
  voice: 'ช่องเสียง',
  retention: 'การเก็บรักษา',
  health: 'สถานะระบบ',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'เข้าสู่ระบบ · Muster';
    case 'reset':
      return 'รหัสผ่านใหม่ · Muster';
    case 'map':
      return 'แผนที่ · Muster';
    case 'chat':
      return 'แชต · Muster';
    case 'files':
      return route.section === 'missions' ? 'ภารกิจ · Muster' : 'ไฟล์ · Muster';
    case 'wall':
      return 'วิดีโอ · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'บันทึกวิดีโอ · Muster';
    case 'publish':
      return 'ถ่ายทอดสด · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'ไม่พบ · Muster';
  }
}

export const th: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'ไม่เคย' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'ถ่ายทอดสด', read: 'รับชม', api: 'ใช้คอนโซล', operate: 'ควบคุม', admin: 'ดูแลระบบ' })[name] ?? name,
  actions: { publish: 'ถ่ายทอดสด', read: 'รับชม', api: 'ใช้ API', operate: 'ควบคุม', admin: 'ดูแลระบบ' },
  affiliations,
  alarm,
  atoms,
  chat,
  devices,
  enrolment,
  files,
  mail,
  map,
  marks,
  missions,
  profiles,
  retention,
  radio,
  rooms,
  thing,
  totp,

  common: {
    cancel: 'ยกเลิก',
    close: 'ปิด',
    save: 'บันทึก',
    done: 'เสร็จ',
    edit: 'แก้ไข',
    remove: 'ลบออก',
    revoke: 'เพิกถอน',
    dismiss: 'ปิด',
    actions: 'การดำเนินการ',
    loading: 'กำลังโหลด…',
    tryAgain: 'ลองอีกครั้ง',
    copied: 'คัดลอกแล้ว',
    copyOf: (what: string) => `คัดลอก: ${what}`,
    copyFailed: 'เบราว์เซอร์ไม่อนุญาตให้คัดลอก โปรดเลือกข้อความแล้วคัดลอกเอง',
    days: (n: number) => plural(n, 'วัน', 'วัน'),
  },

  errors: {
    unreachable: 'ติดต่อเซิร์ฟเวอร์ไม่ได้ โปรดตรวจสอบเครือข่าย ทุกอย่างที่นี่จะกลับมาเอง',
    notUnderstood: 'เซิร์ฟเวอร์ส่งคำตอบที่คอนโซลนี้ไม่เข้าใจ โปรดโหลดหน้าใหม่',
    unknown: 'เกิดข้อผิดพลาด โปรดโหลดหน้าใหม่แล้วลองอีกครั้ง',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'คุณไม่ได้อยู่ในระบบแล้ว';
      if (status === 403) return 'สิทธิ์ของคุณไม่อนุญาต';
      if (status === 404) return 'ไม่มีสิ่งนี้ (แล้ว)';
      if (status === 409) return 'มีอยู่แล้วหรือกำลังใช้งานอยู่';
      if (status === 413) return 'ใหญ่เกินกว่าที่เซิร์ฟเวอร์รับได้';
      if (status === 429) return retryAfter ? `ลองหลายครั้งเกินไป โปรดรอ ${plural(retryAfter, 'วินาที', 'วินาที')}` : 'ลองหลายครั้งเกินไป โปรดรอสักครู่';
      if (status >= 500) return 'เซิร์ฟเวอร์ทำไม่สำเร็จ ดูสาเหตุได้ในบันทึกของเซิร์ฟเวอร์';
      return `เซิร์ฟเวอร์ปฏิเสธ (สถานะ ${status})`;
    },
  },

  frame: {
    skip: 'ข้ามไปยังเนื้อหา',
    home: 'Muster ไปที่แผนที่',
    map: 'แผนที่',
    chat: 'แชต',
    files: 'ไฟล์',
    unread: (n: number) => `ใหม่ ${n}`,
    lenses: 'มุมมอง',
    video: 'วิดีโอ',
    publish: 'ถ่ายทอดสด',
    admin: 'จัดการ',
    groups: 'กลุ่ม',
    groupsShown: (shown: number, all: number) => `กลุ่มที่แสดง: ${shown}/${all}`,
    search: 'ไปที่…',
    clock: 'เวลาท้องถิ่นและเวลา Zulu',
    connecting: 'กำลังเชื่อมต่อ…',
    noServer: 'ไม่ได้เชื่อมต่อกับเซิร์ฟเวอร์',
    notLoaded: 'โหลดหน้านี้ไม่ได้: ติดต่อเซิร์ฟเวอร์ไม่ได้ หรือเซิร์ฟเวอร์เพิ่งอัปเกรด',
    reload: 'โหลดใหม่',
    reconnecting: (seconds: number) => `เชื่อมต่อใหม่ใน ${seconds} s`,
    state: { off: 'ออฟไลน์', connecting: 'กำลังเชื่อมต่อ', live: 'สด', waiting: 'กำลังเชื่อมต่อใหม่' },
    announce: {
      off: 'ออฟไลน์',
      connecting: '',
      live: 'สด: สิ่งที่เห็นเป็นปัจจุบัน',
      waiting: 'การเชื่อมต่อขาดและจะกลับมาเอง สิ่งที่เห็นอาจเก่า',
    },
  },

  roles: { admin: 'ผู้ดูแลระบบ', operator: 'ผู้ควบคุม', member: 'สมาชิก' },
  roleMeans: {
    member: 'ใช้สิ่งที่กลุ่มอนุญาต',
    operator: 'เห็นและยุติเซสชันของกลุ่มได้ด้วย',
    admin: 'ทุกอย่าง',
  },

  menu: {
    label: (user: string) => `${user}: บัญชีและการแสดงผล`,
    theme: 'การแสดงผล',
    themes: { dark: 'มืด', light: 'สว่าง', system: 'ตามระบบ' },
    language: 'ภาษา',
    password: 'เปลี่ยนรหัสผ่าน',
    currentPassword: 'รหัสผ่านปัจจุบัน',
    newPassword: 'รหัสผ่านใหม่',
    passwordChanged: 'เปลี่ยนรหัสผ่านแล้ว',
    logout: 'ออกจากระบบ',
  },

  login: {
    title: 'เข้าสู่ระบบ Muster',
    user: 'ชื่อ',
    password: 'รหัสผ่าน',
    show: 'แสดง',
    hide: 'ซ่อน',
    submit: 'เข้าสู่ระบบ',
    busy: 'กำลังเข้าสู่ระบบ…',
    wrong: 'ชื่อกับรหัสผ่านไม่ตรงกัน โปรดตรวจทั้งสอง ตัวพิมพ์เล็กใหญ่มีผล',
    lost: 'รหัสผ่านหาย? ผู้ดูแลระบบตั้งใหม่ให้ได้',
    ...login,
  },

  palette: {
    title: 'ไปที่บุคคล สตรีม สถานที่ ห้อง หรือหน้า',
    placeholder: 'บุคคล สตรีม ห้อง หน้า 32T PT 81 37 หรือ 47.27, 11.40',
    place: 'สถานที่',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'เชื่อมต่ออยู่' : 'ไม่ได้เชื่อมต่อ'}`,
    item: 'บนแผนที่',
    room: 'ห้องแชต',
    mission: 'ภารกิจ',
    account: 'บัญชี',
    results: 'ปลายทาง',
    page: 'หน้า',
    stream: (user: string) => `สด จาก ${user}`,
    nothing: 'ไม่มีชื่อนี้',
  },

  missing: {
    title: 'ไม่มีอะไรที่นี่',
    text: 'ที่อยู่ผิด หรือสิทธิ์ของคุณเข้าหน้านี้ไม่ได้',
    back: 'ไปที่แผนที่',
  },

  wall: {
    title: 'วิดีโอ',
    count: (n: number) => plural(n, 'สตรีม', 'สตรีม'),
    filter: 'กรองตามชื่อ บุคคล กลุ่ม',
    filterShort: 'กรอง',
    tiles: 'จำนวนช่องบนจอ',
    auto: 'อัตโนมัติ',
    loading: 'กำลังโหลดสตรีม…',
    noMatch: (text: string) => `ไม่มีสตรีมสดที่ตรงกับ “${text}”`,
    allHidden: 'มีสตรีมสด แต่กลุ่มทั้งหมดของสตรีมถูกปิดไว้ด้านบน',
    showAll: 'แสดงทั้งหมด',
    movedTo: (name: string, position: number, all: number) => `${name} อยู่ลำดับที่ ${position} จาก ${all}`,
  },

  tile: {
    play: (name: string) => `เล่น ${name} ในช่องนี้`,
    stop: (name: string) => `หยุด ${name} ในช่องนี้`,
    move: (name: string) => `ย้าย ${name} ใช้ปุ่มลูกศรได้`,
    moveHow: 'ลากเพื่อจัดเรียง ใช้ปุ่มลูกศรได้',
    viewers: (n: number) => `ผู้ชม ${n}`,
    age: (age: string) => `ถ่ายทอดสดมาแล้ว ${age}`,
  },

  still: {
    noVideo: 'เสียงเท่านั้น',
    none: 'กำลังรอคีย์เฟรมแรก',
    undecodable: 'เบราว์เซอร์นี้แสดงโคเดกนี้เป็นภาพนิ่งไม่ได้',
    error: 'ไม่มีภาพ: เซิร์ฟเวอร์ไม่ตอบ',
    loading: 'กำลังโหลดภาพ…',
  },

  empty: {
    title: 'ไม่มีสตรีมสด',
    text: 'ทุกสตรีมที่ส่งถึงกลุ่มของคุณจะปรากฏที่นี่ทันทีที่เริ่ม เริ่มส่งได้เลย:',
    readOnly: 'ทุกสตรีมที่ส่งถึงกลุ่มของคุณจะปรากฏที่นี่ทันทีที่เริ่ม',
    here: 'ด้วยอุปกรณ์นี้',
    hereText: 'กล้องหรือหน้าจอ ส่งตรงจากเบราว์เซอร์นี้ ไม่ต้องติดตั้งอะไร',
    ffmpeg: 'ด้วย ffmpeg',
    ffmpegText: 'วางบรรทัดนี้ แล้วใส่รหัสผ่านของคุณแทน PASSWORD ภาพทดสอบเปลี่ยนเป็นแหล่งใดก็ได้: ไฟล์ กล้อง',
  },

  play: {
    playerOf: (name: string) => `เครื่องเล่น: ${name}`,
    live: 'สด',
    notPlaying: 'ไม่ได้เล่น',
    offline: 'ออฟไลน์',
    stateWord: 'สถานะ',
    figures: 'ค่าการเล่น',
    connecting: 'กำลังเชื่อมต่อ…',
    ended: 'ผู้ส่งหยุดแล้ว',
    comesBack: 'ภาพจะกลับมาเองเมื่อสตรีมกลับมา',
    cannot: 'เล่นที่นี่ไม่ได้',
    elsewhere: 'เบราว์เซอร์อื่นอาจเล่นได้ VLC, ffplay และ ATAK เล่นได้ด้วยที่อยู่ที่แสดงที่นี่',
    againIn: (seconds: number) => `ลองใหม่ใน ${seconds} วินาที`,
    now: 'ลองเดี๋ยวนี้',
    play: 'เล่น',
    pause: 'หยุดชั่วคราว',
    mute: 'ปิดเสียง',
    unmute: 'เปิดเสียง',
    noAudioTrack: 'สตรีมไม่มีเสียง',
    previous: 'สตรีมก่อนหน้า',
    next: 'สตรีมถัดไป',
    full: 'เต็มจอ',
    leaveFull: 'ออกจากเต็มจอ',
    noFullScreen: 'เบราว์เซอร์ไม่อนุญาตให้แสดงเต็มจอ',
    pip: 'ภาพซ้อนภาพ',
    noPip: 'เบราว์เซอร์ไม่อนุญาตให้แสดงภาพซ้อนภาพ',
    snapshot: 'ภาพนิ่ง',
    noSnapshot: 'ยังไม่มีภาพให้เก็บ',
    snapshotSaved: (file: string) => `บันทึกภาพนิ่งแล้ว: ${file}`,
    keys: 'แป้นพิมพ์',
    keyList: [
      ['Space', 'หยุดชั่วคราวและเล่นต่อแบบสด'],
      ['M', 'เปิดและปิดเสียง'],
      ['F', 'เต็มจอ'],
      ['P', 'ภาพซ้อนภาพ'],
      ['S', 'ภาพนิ่ง'],
      ['← →', 'สตรีมก่อนหน้าและถัดไป'],
      ['?', 'รายการนี้'],
      ['Ctrl K', 'ไปที่บุคคล สตรีม สถานที่ หรือหน้า'],
    ],
    transport: 'การรับส่ง',
    transports,
    preferences: { auto: 'อัตโนมัติ', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'ความหน่วง',
    rate: 'อัตรา',
    size: 'ภาพ',
    loss: 'สูญหาย',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `เล่นผ่าน HLS ช้ากว่าไม่กี่วินาที: ${why}` : `เล่นผ่าน WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `เบราว์เซอร์นี้ไม่มี ${transports[transport]}`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `เบราว์เซอร์นี้ถอดรหัส ${codec} ผ่าน ${transports[transport]} ไม่ได้`,
    bFrames: 'ผู้ส่งใช้ B-frame ซึ่ง WebRTC ส่งไม่ได้ (ffmpeg: -bf 0)',
    nothingToPlay: 'สตรีมไม่มีทั้งภาพและเสียง',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `ไม่มีเสียง: WebRTC ส่ง ${codec} ไม่ได้ เลือก HLS เพื่อฟัง` : `ไม่มีเสียง: เบราว์เซอร์นี้ถอดรหัส ${codec} ไม่ได้`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'ไม่มีภาพผ่าน WebRTC เครือข่ายอาจปิดกั้น UDP' : 'ไม่มีภาพผ่าน HLS',
    noAnswer: 'เซิร์ฟเวอร์ไม่ตอบภายในเวลา',
    iceFailed: 'เส้นทางเครือข่ายของ WebRTC ขาด อาจเพราะ UDP ถูกปิดกั้น',
    closedByServer: 'เซิร์ฟเวอร์ยุติเซสชัน',
    stalled: 'ไม่มีแพ็กเก็ตมาสักพักแล้ว',
    closed: 'ปิดแล้ว',
    hlsFailed: (detail: string) => `HLS หยุด (${detail})`,
  },

  card: {
    about: (name: string) => `เกี่ยวกับ ${name}`,
    back: 'วิดีโอทั้งหมด',
    publisher: 'ผู้ส่ง',
    by: (protocol: string) => `ผ่าน ${protocolOf(protocol)}`,
    since: 'ตั้งแต่',
    tracks: 'แทร็ก',
    bFrames: 'มี B-frame',
    rate: 'อัตรา',
    total: (bytes: string) => `(จนถึงตอนนี้ ${bytes})`,
    viewers: 'ผู้ชม',
    damaged: 'เสียหาย',
    damagedUnits: (n: number) => `ข้าม ${plural(n, 'เฟรม', 'เฟรม')}`,
    offline: 'สตรีมนี้ไม่ได้ถ่ายทอดสดอยู่ หรือกลุ่มของคุณเข้าไม่ถึง',
    end: 'ยุติสตรีม',
    endTitle: (name: string) => `ยุติ ${name}?`,
    endText: (user: string) =>
      `การเชื่อมต่อของ ${user || 'ผู้ส่ง'} จะถูกปิดและผู้ชมทุกคนจะไม่เห็นภาพ ผู้ส่งอาจเชื่อมต่อใหม่ได้ หากต้องการป้องกัน ให้ระงับผู้ใช้หรือเพิกถอนคีย์`,
    ended: (name: string) => `ยุติ ${name} แล้ว`,
  },

  recordings: {
    title: 'บันทึกวิดีโอ',
    of: (stream: string) => `บันทึกของ ${stream}`,
    all: 'บันทึกของทุกสตรีม',
    stream: 'สตรีม',
    when: 'เริ่ม',
    length: 'ความยาว',
    size: 'ขนาด',
    from: 'จาก',
    open: 'กำลังบันทึก',
    play: 'เล่น',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'เบราว์เซอร์นี้เล่นไม่ได้ โปรดดาวน์โหลดไปเล่นด้วย VLC หรือโปรแกรมอื่น',
    download: 'ดาวน์โหลด',
    remove: 'ลบ',
    removeTitle: (stream: string, time: string) => `ลบบันทึกของ ${stream}, ${time}?`,
    removeText: 'ไฟล์จะถูกลบจากเซิร์ฟเวอร์และย้อนกลับไม่ได้',
    removed: 'ลบบันทึกแล้ว',
    more: 'แสดงรายการเก่ากว่า',
    emptyTitle: 'ไม่มีบันทึก',
    emptyText: 'สตรีมจะถูกบันทึกเมื่อการตั้งค่ากำหนดไว้ (media.paths, record: true) หรือเมื่อผู้ควบคุมเริ่มบันทึกที่หน้าของสตรีม',
    start: 'บันทึก',
    stop: 'หยุดบันทึก',
    state: 'กำลังบันทึก',
    mark: 'REC',
    on: (name: string) => `กำลังบันทึก ${name} จนกว่าจะจบ`,
    off: (name: string) => `ไม่ได้บันทึก ${name} แล้ว`,
  },

  addresses: {
    watch: 'รับชมที่อื่น',
    publish: 'ถ่ายทอดสดจากที่อื่น',
    of: (protocol: string, app: string) => `ที่อยู่ ${protocolOf(protocol)} สำหรับ ${app}`,
    qr: 'รหัส QR',
    qrOf: (protocol: string, app: string) => `รหัส QR ของที่อยู่ ${protocolOf(protocol)} สำหรับ ${app}`,
    qrNeedsKey: 'รหัสสำหรับสแกนต้องมีคีย์ สร้างคีย์ด้านล่าง แล้วทุกที่อยู่ที่นี่จะมีคีย์นั้น',
    keyText: 'สำหรับอุปกรณ์อื่น: คีย์ที่เปิดได้เฉพาะสตรีมนี้ ใส่ไว้ในที่อยู่และรหัส QR',
    lifetime: 'อายุของคีย์',
    makeKey: 'สร้างคีย์',
    hasKey: (day: string) => `ที่อยู่เหล่านี้มีคีย์ใหม่ ใช้ได้ถึง ${day} ใครมีก็ใช้ได้ เพิกถอนได้ที่ จัดการ, โทเค็นและคีย์`,
  },

  publish: {
    title: 'ถ่ายทอดสดจากอุปกรณ์นี้',
    fromHere: 'ถ่ายทอดสดจากอุปกรณ์นี้',
    preview: 'ภาพตัวอย่าง',
    noPreview: 'ภาพตัวอย่างจะปรากฏเมื่อเปิดกล้องหรือหน้าจอ',
    soundOnly: 'เสียงเท่านั้น: ไม่มีภาพให้แสดง',
    show: 'เปิด',
    flip: 'กล้องอื่น',
    name: 'ชื่อสตรีม',
    nameHint: 'ตัวอักษร ตัวเลข และ . _ - ~ แต่ละส่วนคั่นด้วย /',
    taken: (user: string) => `มีสตรีมสดชื่อนี้แล้ว จาก ${user}`,
    source: 'สิ่งที่จะส่ง',
    sources: { camera: 'กล้อง', screen: 'หน้าจอ', none: 'เสียง' },
    camera: 'กล้อง',
    automatic: 'อัตโนมัติ',
    microphone: 'พร้อมไมโครโฟน',
    whichMicrophone: 'ไมโครโฟน',
    height: 'ภาพ',
    bitrate: 'ไม่เกิน',
    codec: 'โคเดก',
    codecHint: 'H264 เล่นได้ทุกที่ ใช้ VP8 หากอุปกรณ์สร้าง H264 ไม่ได้',
    codecWord: 'โคเดก',
    start: 'เริ่มถ่ายทอดสด',
    stop: 'หยุดถ่ายทอดสด',
    watchIt: 'ดูแบบที่ผู้อื่นเห็น',
    off: 'ไม่ได้ถ่ายทอดสด',
    live: 'คุณกำลังถ่ายทอดสด',
    starting: 'กำลังเชื่อมต่อ…',
    interrupted: 'ขาดช่วง',
    endedByServer: 'สตรีมถูกยุติที่เซิร์ฟเวอร์โดยผู้ควบคุม หรือเพราะสิทธิ์ของคุณเปลี่ยน',
    time: 'นาน',
    up: 'อัปโหลด',
    rtt: 'เวลาไปกลับ',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `ลิงก์ขาขึ้นสูญเสียแพ็กเก็ต ${percent(loss)}` : '';
      if (limit === 'bandwidth') return drops ? `${drops} จึงลดคุณภาพภาพแล้ว` : 'ลิงก์ขาขึ้นเต็ม จึงลดคุณภาพภาพให้พอดี';
      if (limit === 'cpu') return `${drops ? `${drops} ` : ''}อุปกรณ์ทำงานหนักเกินไปสำหรับภาพเต็ม จึงลดคุณภาพภาพ`;
      return drops ? drops : 'ลิงก์ขาขึ้นปกติ';
    },
    denied: 'เบราว์เซอร์ไม่ได้รับอนุญาตให้ใช้กล้อง ไมโครโฟน หรือหน้าจอ โปรดอนุญาตที่ด้านซ้ายของแถบที่อยู่แล้วลองอีกครั้ง',
    noDevice: 'ไม่มีกล้องหรือไมโครโฟนนี้ โปรดเสียบอุปกรณ์หรือเลือกตัวอื่น',
    busy: 'โปรแกรมอื่นกำลังใช้กล้องหรือไมโครโฟน โปรดปิดแล้วลองอีกครั้ง',
    insecure: 'เบราว์เซอร์ให้ใช้กล้องและไมโครโฟนเฉพาะหน้าที่เปิดผ่าน HTTPS โปรดเปิดเซิร์ฟเวอร์นี้ด้วย https://',
  },

  nameFaults: {
    empty: 'สตรีมต้องมีชื่อ',
    long: 'ชื่อยาวเกิน 160 อักขระ',
    deep: 'ชื่อมีมากกว่าแปดส่วน',
    slash: 'เครื่องหมาย / ต้องอยู่ระหว่างสองส่วน ไม่อยู่ปลายและไม่ซ้ำติดกัน',
    dot: 'ทุกส่วนต้องไม่ขึ้นต้นด้วยจุด',
    characters: 'ใช้ได้เฉพาะตัวอักษร ตัวเลข และ . _ - ~ และ / ระหว่างส่วน',
  },

  admin: {
    sections,
    filter: 'กรอง',
    noMatch: 'ไม่มีรายการที่ตรงกับตัวกรอง',
  },

  people: {
    add: 'เพิ่มบุคคล',
    person: 'บุคคล',
    name: 'ชื่อเข้าระบบ',
    nameHint: 'เปลี่ยนภายหลังไม่ได้',
    fullName: 'ชื่อเต็ม',
    password: 'รหัสผ่าน',
    passwordHint: 'รหัสสุ่ม จะไม่แสดงอีก: คัดลอกเดี๋ยวนี้',
    role: 'บทบาท',
    lastLogin: 'เข้าระบบล่าสุด',
    disabled: 'ระงับ',
    disable: 'ระงับ',
    disableText: 'ทุกเซสชันของบุคคลนี้จะถูกปิดภายในหนึ่งวินาที ในทุกโปรโตคอล',
    notYourself: 'คุณถอนสิทธิ์ของตนเองไม่ได้',
    keepPassword: 'เว้นว่างเพื่อใช้รหัสผ่านเดิม',
    in: 'IN',
    out: 'OUT',
    inMeans: 'ส่งถึงกลุ่มได้',
    outMeans: 'รับสิ่งที่กลุ่มมี',
    explain: 'IN: ส่งถึงกลุ่มได้ OUT: รับสิ่งที่กลุ่มมี ผู้ดูแลระบบเห็นทุกสตรีม',
    rights: (user: string, group: string) => `สิทธิ์ของ ${user} ใน ${group}`,
    editTitle: (user: string) => `แก้ไข ${user}`,
    added: (user: string) => `${user} เข้าสู่ระบบได้แล้ว`,
    saved: (user: string) => `บันทึก ${user} แล้ว`,
    removeTitle: (user: string) => `ลบ ${user}?`,
    removeText: 'บัญชี โทเค็น คีย์ และใบรับรองจะใช้ไม่ได้ทันที และทุกเซสชันที่เปิดอยู่จะถูกปิด ย้อนกลับไม่ได้ แต่การระงับยกเลิกได้',
    removed: (user: string) => `ลบ ${user} แล้ว`,
  },

  groups: {
    name: 'กลุ่มใหม่',
    description: 'ใช้เพื่อ',
    add: 'เพิ่มกลุ่ม',
    members: (n: number) => plural(n, 'คน', 'คน'),
    added: (group: string) => `เพิ่มกลุ่ม ${group} แล้ว`,
    removeTitle: (group: string) => `ลบกลุ่ม ${group}?`,
    removeText: (members: number) =>
      `สมาชิก ${plural(members, 'คน', 'คน')} จะเสียสิทธิ์ที่ได้จากกลุ่มนี้ สตรีมที่อยู่ในกลุ่มนี้กลุ่มเดียวจะเห็นได้เฉพาะผู้ดูแลระบบ`,
    removed: (group: string) => `ลบกลุ่ม ${group} แล้ว`,
  },

  tokens: {
    add: 'โทเค็นหรือคีย์ใหม่',
    name: 'ชื่อ',
    nameHint: 'ใช้เพื่อ: โดรน 2, OBS ในสตูดิโอ',
    kind: 'ชนิด',
    kinds: { token: 'โทเค็น', streamkey: 'คีย์สตรีม' },
    kindMeans: {
      streamkey: 'ใส่ในที่อยู่หรือช่องคีย์ของ OBS เปิดได้เฉพาะสตรีมที่ระบุด้านล่าง',
      token: 'สำหรับสคริปต์: ใส่ในส่วนหัว Authorization',
    },
    user: 'บุคคล',
    forUser: 'สำหรับ (ว่าง: ตัวคุณเอง)',
    scope: 'สิทธิ์',
    mayDo: 'ทำได้',
    streams: 'สตรีม',
    everyStream: 'ทุกสตรีม',
    everything: 'ทุกอย่างที่บุคคลนี้ทำได้',
    never: 'จนกว่าจะเพิกถอน',
    streamsHint: {
      streamkey: 'ชื่อหรือรูปแบบ เช่น uas/north/* หลายรายการคั่นด้วยจุลภาค',
      token: 'ชื่อหรือรูปแบบ เช่น uas/north/* หลายรายการคั่นด้วยจุลภาค ว่าง: ทุกสตรีมที่บุคคลนี้เข้าถึง',
    },
    lifetime: 'อายุ',
    expires: 'ถึง',
    expired: 'หมดอายุ',
    lastUsed: 'ใช้ล่าสุด',
    make: 'สร้าง',
    needsAction: 'เลือกสิ่งที่ทำได้อย่างน้อยหนึ่งอย่าง',
    madeTitle: (name: string) => `${name} พร้อมแล้ว`,
    once: 'แสดงครั้งเดียวและไม่เก็บไว้ในรูปที่อ่านได้ คัดลอกหรือสแกนเดี๋ยวนี้',
    secret: 'รหัสลับ',
    kept: 'เก็บแล้ว',
    emptyTitle: 'ไม่มีโทเค็นและคีย์',
    emptyText: 'คีย์สตรีมให้โดรน OBS หรือกล้องถ่ายทอดสดได้โดยไม่ใช้รหัสผ่าน โทเค็นให้สคริปต์ใช้ API ทั้งสองจำกัดสิทธิ์ กำหนดอายุ และเพิกถอนได้',
    revokeTitle: (name: string) => `เพิกถอน ${name}?`,
    revokeText: 'สิ่งที่ใช้อยู่จะถูกตัดภายในหนึ่งวินาทีและใช้กลับเข้ามาไม่ได้',
    revoked: (name: string) => `เพิกถอน ${name} แล้ว`,
  },

  sessions: {
    who: 'ใคร',
    does: 'ทำอะไร',
    stream: 'สตรีม',
    by: 'ผ่าน',
    from: 'จาก',
    since: 'นาน',
    nobody: 'ไม่ระบุชื่อ',
    certificate: 'ด้วยใบรับรอง',
    token: 'ด้วยโทเค็น',
    none: 'ไม่มีเซสชันที่เปิดอยู่',
    failures: 'การเข้าระบบที่ล้มเหลว',
    failure: (user: string, remote: string, protocol: string) => `${user || 'บางคน'} จาก ${remote || 'ที่ใดที่หนึ่ง'}${protocol ? ` ผ่าน ${protocol.toUpperCase()}` : ''}`,
    end: 'ยุติ',
    endTitle: (user: string) => `ยุติเซสชันนี้ของ ${user || 'ผู้ไม่ระบุชื่อ'}?`,
    endText: 'การเชื่อมต่อจะถูกปิดทันที บุคคลนี้อาจเชื่อมต่อใหม่ได้ หากต้องการป้องกัน ให้ระงับบุคคลหรือเพิกถอนโทเค็น',
    ended: (user: string) => `ยุติเซสชันของ ${user || 'ผู้ไม่ระบุชื่อ'} แล้ว`,
  },

  certificates: {
    issue: 'ออกใบรับรอง',
    ca: 'ใบรับรอง CA',
    device: 'อุปกรณ์',
    deviceHint: 'แท็บเล็ต 7, รถวิทยุ',
    state: 'สถานะ',
    valid: 'ใช้ได้',
    revoked: 'เพิกถอนแล้ว',
    issued: 'ออกเมื่อ',
    fingerprint: 'ลายนิ้วมือ',
    emptyTitle: 'ไม่มีใบรับรอง',
    emptyText: 'ใบรับรองให้อุปกรณ์เข้าได้โดยไม่ใช้รหัสผ่าน: ATAK, WinTAK, เบราว์เซอร์ที่พอร์ต 8443 ออกได้ที่นี่และเพิกถอนได้ทุกเมื่อ',
    password: 'รหัสผ่านของไฟล์',
    passwordHint: 'ใช้เมื่อเปิดไฟล์บนอุปกรณ์',
    madeTitle: (name: string) => `ใบรับรองของ ${name}`,
    once: 'คีย์ส่วนตัวอยู่ในไฟล์แรกและไม่เก็บไว้ที่อื่น บันทึกไฟล์เดี๋ยวนี้',
    p12: 'ใบรับรองและคีย์ (.p12)',
    truststore: 'ที่เก็บใบรับรองที่เชื่อถือสำหรับ ATAK (.p12)',
    revokeTitle: (name: string) => `เพิกถอนใบรับรองของ ${name}?`,
    revokeText: (user: string) => `อุปกรณ์ของ ${user} จะถูกตัดภายในหนึ่งวินาทีและใช้ใบรับรองนี้กลับเข้ามาไม่ได้ ย้อนกลับไม่ได้`,
    wasRevoked: (name: string) => `เพิกถอนใบรับรองของ ${name} แล้ว`,
  },

  streams: {
    name: 'สตรีม',
    inOut: 'เข้า / ออก',
    faults: 'เสียหาย / ข้าม',
    faultsMean: 'เฟรมที่ข้ามเพราะเสียหาย และจำนวนครั้งที่ผู้ชมช้าเกินไปจนต้องข้ามไปข้างหน้า',
    none: 'ไม่มีสตรีมสด',
  },

  health: {
    allWell: 'ทุกอย่างทำงานปกติ',
    sick: (n: number) => `${plural(n, 'รายการ', 'รายการ')}ต้องตรวจสอบ`,
    doors: 'ช่องทางเข้า',
    parts: 'ส่วนประกอบ',
    server: 'เซิร์ฟเวอร์',
    open: 'เปิด',
    closed: 'ปิด',
    well: 'ปกติ',
    ill: 'ผิดปกติ',
    fix: 'วิธีแก้',
    name: 'ชื่อ',
    version: 'เวอร์ชัน',
    hostNames: 'ชื่อโฮสต์',
    ca: 'ลายนิ้วมือ CA',
    backup: 'ดาวน์โหลดข้อมูลสำรอง',
  },
};
