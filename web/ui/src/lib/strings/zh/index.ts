/** 简体中文。视频的“发布”在此称为推流，与 OBS 等行业软件一致。 */
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

const plural = plurals('zh');
const protocolOf = (name: string) => protocolName(name, '网页');

const sections = {
  people: '人员',
  tokens: '令牌与密钥',
  sessions: '会话',
  devices: '设备',
  enrolment: '设备注册',
  certificates: '证书',
  profiles: '配置文件',
  streams: '视频流',
  voice: '语音频道',
  retention: '数据保留',
  health: '运行状况',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return '登录 · Muster';
    case 'reset':
      return '新密码 · Muster';
    case 'map':
      return '地图 · Muster';
    case 'chat':
      return '聊天 · Muster';
    case 'files':
      return route.section === 'missions' ? '任务 · Muster' : '文件 · Muster';
    case 'wall':
      return '视频 · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return '录像 · Muster';
    case 'publish':
      return '推流 · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return '未找到 · Muster';
  }
}

export const zh: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? '从未' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: '推流', read: '观看', api: '使用控制台', operate: '操作', admin: '管理' })[name] ?? name,
  actions: { publish: '推流', read: '观看', api: '使用 API', operate: '操作', admin: '管理' },
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
    cancel: '取消',
    close: '关闭',
    save: '保存',
    done: '完成',
    edit: '编辑',
    remove: '移除',
    revoke: '吊销',
    dismiss: '关闭',
    actions: '操作',
    loading: '正在加载…',
    tryAgain: '重试',
    copied: '已复制',
    copyOf: (what: string) => `复制：${what}`,
    copyFailed: '浏览器不允许复制。请选中文本后手动复制。',
    days: (n: number) => plural(n, '天', '天'),
  },

  errors: {
    unreachable: '无法连接服务器。请检查网络；恢复后此处会自动更新。',
    notUnderstood: '服务器的响应无法识别。请重新加载页面。',
    unknown: '出现错误。请重新加载页面后重试。',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return '您的登录已失效。';
      if (status === 403) return '您没有此权限。';
      if (status === 404) return '不存在或已被删除。';
      if (status === 409) return '已存在或正在使用。';
      if (status === 413) return '超出服务器允许的大小。';
      if (status === 429) return retryAfter ? `尝试次数过多。请等待 ${plural(retryAfter, '秒', '秒')}。` : '尝试次数过多。请稍候。';
      if (status >= 500) return '服务器无法完成操作。原因见服务器日志。';
      return `服务器拒绝了请求（状态码 ${status}）。`;
    },
  },

  frame: {
    skip: '跳到内容',
    home: 'Muster，前往地图',
    map: '地图',
    chat: '聊天',
    files: '文件',
    unread: (n: number) => `${n} 条未读`,
    lenses: '视图',
    video: '视频',
    publish: '推流',
    admin: '管理',
    groups: '群组',
    groupsShown: (shown: number, all: number) => `显示的群组：${shown}/${all}`,
    search: '转到…',
    clock: '本地时间和祖鲁时间',
    connecting: '正在连接…',
    noServer: '未连接到服务器',
    notLoaded: '此页面无法加载：服务器无法连接，或已在此期间升级。',
    reload: '重新加载',
    reconnecting: (seconds: number) => `${seconds} 秒后重连`,
    state: { off: '离线', connecting: '正在连接', live: '实时', waiting: '正在重连' },
    announce: {
      off: '离线',
      connecting: '',
      live: '实时：显示的是最新内容。',
      waiting: '连接已断开，将自动恢复。显示的内容可能已过时。',
    },
  },

  roles: { admin: '管理员', operator: '操作员', member: '成员' },
  roleMeans: {
    member: '使用群组允许的功能',
    operator: '还可查看并结束群组的会话',
    admin: '全部权限',
  },

  menu: {
    label: (user: string) => `${user}：账号与外观`,
    theme: '外观',
    themes: { dark: '深色', light: '浅色', system: '跟随系统' },
    language: '语言',
    password: '修改密码',
    currentPassword: '当前密码',
    newPassword: '新密码',
    passwordChanged: '密码已修改。',
    logout: '退出登录',
  },

  login: {
    title: '登录 Muster',
    user: '用户名',
    password: '密码',
    show: '显示',
    hide: '隐藏',
    submit: '登录',
    busy: '正在登录…',
    wrong: '用户名与密码不匹配。请检查两者，注意区分大小写。',
    lost: '忘记密码？管理员可以为您设置新密码。',
    ...login,
  },

  palette: {
    title: '转到人员、视频流、地点、聊天室或页面',
    placeholder: '人员、视频流、聊天室、页面、32T PT 81 37 或 47.27, 11.40',
    place: '地点',
    contact: (user: string, connected: boolean) => `${user ? `${user}，` : ''}${connected ? '已连接' : '未连接'}`,
    item: '在地图上',
    room: '聊天室',
    mission: '任务',
    account: '账号',
    results: '可前往的位置',
    page: '页面',
    stream: (user: string) => `直播中，来自 ${user}`,
    nothing: '没有此名称的结果。',
  },

  missing: {
    title: '此处没有内容',
    text: '地址有误，或您无权访问此页面。',
    back: '前往地图',
  },

  wall: {
    title: '视频',
    count: (n: number) => plural(n, '路视频流', '路视频流'),
    filter: '按名称、人员、群组筛选',
    filterShort: '筛选',
    tiles: '画面分割数',
    auto: '自动',
    loading: '正在加载视频流…',
    noMatch: (text: string) => `没有与“${text}”匹配的直播流。`,
    allHidden: '有视频流正在直播，但其所有群组均已在上方关闭。',
    showAll: '全部显示',
    movedTo: (name: string, position: number, all: number) => `${name} 现位于第 ${position} 位，共 ${all} 位。`,
  },

  tile: {
    play: (name: string) => `在此窗格播放 ${name}`,
    stop: (name: string) => `在此窗格停止 ${name}`,
    move: (name: string) => `移动 ${name}；也可用方向键`,
    moveHow: '拖动排列；也可用方向键',
    viewers: (n: number) => `${n} 人观看`,
    age: (age: string) => `已直播 ${age}`,
  },

  still: {
    noVideo: '仅声音',
    none: '等待首个关键帧',
    undecodable: '此浏览器无法以静态画面显示此编码',
    error: '无画面：服务器未响应',
    loading: '正在加载画面…',
  },

  empty: {
    title: '没有直播流',
    text: '有人向您的群组推流时，视频流会立即显示在此。开始推流：',
    readOnly: '有人向您的群组推流时，视频流会立即显示在此。',
    here: '使用此设备',
    hereText: '摄像头或屏幕，直接从浏览器推流。无需安装。',
    ffmpeg: '使用 ffmpeg',
    ffmpegText: '粘贴此命令，将 PASSWORD 替换为您的密码。测试画面可换成任意输入：文件、摄像头。',
  },

  play: {
    playerOf: (name: string) => `播放器：${name}`,
    live: '直播',
    notPlaying: '未播放',
    offline: '离线',
    stateWord: '状态',
    figures: '播放数据',
    connecting: '正在连接…',
    ended: '推流端已停止。',
    comesBack: '视频流恢复后，画面会自动恢复。',
    cannot: '此处无法播放',
    elsewhere: '其他浏览器或许可以播放；VLC、ffplay 和 ATAK 可使用此处列出的地址播放。',
    againIn: (seconds: number) => `${seconds} 秒后重试`,
    now: '立即重试',
    play: '播放',
    pause: '暂停',
    mute: '静音',
    unmute: '打开声音',
    noAudioTrack: '此视频流没有声音',
    previous: '上一路视频流',
    next: '下一路视频流',
    full: '全屏',
    leaveFull: '退出全屏',
    noFullScreen: '浏览器不允许全屏。',
    pip: '画中画',
    noPip: '浏览器不允许画中画。',
    snapshot: '截图',
    noSnapshot: '尚无画面可截取。',
    snapshotSaved: (file: string) => `截图已保存：${file}`,
    keys: '键盘',
    keyList: [
      ['空格', '暂停与继续直播'],
      ['M', '开关声音'],
      ['F', '全屏'],
      ['P', '画中画'],
      ['S', '截图'],
      ['← →', '上一路和下一路视频流'],
      ['?', '此列表'],
      ['Ctrl K', '转到人员、视频流、地点或页面'],
    ],
    transport: '传输方式',
    transports,
    preferences: { auto: '自动', webrtc: 'WebRTC', hls: 'HLS' },
    latency: '延迟',
    rate: '码率',
    size: '画面',
    loss: '丢包',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `正在通过 HLS 播放，延迟数秒：${why}` : `正在通过 WebRTC 播放：${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `此浏览器不支持 ${transports[transport]}。`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `此浏览器无法通过 ${transports[transport]} 解码 ${codec}。`,
    bFrames: '推流端发送了 B 帧，WebRTC 无法传输（ffmpeg：-bf 0）。',
    nothingToPlay: '此视频流既无画面也无声音。',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `没有声音：WebRTC 无法传输 ${codec}。请选择 HLS 收听。` : `没有声音：此浏览器无法解码 ${codec}。`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? '未收到 WebRTC 画面；网络可能屏蔽了 UDP。' : '未收到 HLS 画面。',
    noAnswer: '服务器未及时响应。',
    iceFailed: 'WebRTC 的网络路径中断；UDP 可能被屏蔽。',
    closedByServer: '服务器结束了会话。',
    stalled: '一段时间内未收到数据包。',
    closed: '已关闭。',
    hlsFailed: (detail: string) => `HLS 已停止（${detail}）。`,
  },

  card: {
    about: (name: string) => `关于 ${name}`,
    back: '所有视频',
    publisher: '推流端',
    by: (protocol: string) => `通过 ${protocolOf(protocol)}`,
    since: '开始于',
    tracks: '轨道',
    bFrames: '含 B 帧',
    rate: '码率',
    total: (bytes: string) => `（累计 ${bytes}）`,
    viewers: '观看者',
    damaged: '损坏',
    damagedUnits: (n: number) => `已略过 ${plural(n, '帧', '帧')}`,
    offline: '此视频流未在直播，或不在您的群组范围内。',
    end: '结束视频流',
    endTitle: (name: string) => `结束 ${name}？`,
    endText: (user: string) =>
      `将关闭${user ? ` ${user} ` : '推流端'}的连接，所有观看者都会失去画面。推流端可以重新连接；如需阻止，请停用该人员或吊销密钥。`,
    ended: (name: string) => `${name} 已结束。`,
  },

  recordings: {
    title: '录像',
    of: (stream: string) => `${stream} 的录像`,
    all: '所有视频流的录像',
    stream: '视频流',
    when: '开始',
    length: '时长',
    size: '大小',
    from: '来自',
    open: '录制中',
    play: '播放',
    playing: (stream: string, time: string) => `${stream}，${time}`,
    cannotPlay: '此浏览器无法播放；请下载后用 VLC 或其他播放器播放。',
    download: '下载',
    remove: '删除',
    removeTitle: (stream: string, time: string) => `删除 ${stream} 于 ${time} 的录像？`,
    removeText: '文件将从服务器删除。此操作无法撤销。',
    removed: '录像已删除。',
    more: '显示更早的录像',
    emptyTitle: '没有录像',
    emptyText: '配置要求录制时（media.paths，record: true），或操作员在视频流页面启动录制时，视频流会被录制。',
    start: '录制',
    stop: '停止录制',
    state: '正在录制',
    mark: 'REC',
    on: (name: string) => `${name} 正在录制，直至视频流结束。`,
    off: (name: string) => `${name} 已停止录制。`,
  },

  addresses: {
    watch: '在其他地方观看',
    publish: '从其他地方推流',
    of: (protocol: string, app: string) => `${app} 的 ${protocolOf(protocol)} 地址`,
    qr: '二维码',
    qrOf: (protocol: string, app: string) => `${app} 的 ${protocolOf(protocol)} 地址二维码`,
    qrNeedsKey: '可扫描的二维码需要包含密钥。请在下方创建，之后此处每个地址都会带上它。',
    keyText: '用于其他设备：仅能打开此视频流的密钥，会加入地址和二维码。',
    lifetime: '密钥有效期',
    makeKey: '创建密钥',
    hasKey: (day: string) => `这些地址包含新密钥，有效期至 ${day}。获得地址的人均可使用；可在“管理”的“令牌与密钥”中吊销。`,
  },

  publish: {
    title: '从此设备推流',
    fromHere: '从此设备推流',
    preview: '预览',
    noPreview: '开启摄像头或屏幕后显示预览。',
    soundOnly: '仅声音：没有可显示的画面。',
    show: '开启',
    flip: '切换摄像头',
    name: '视频流名称',
    nameHint: '字母、数字和 . _ - ~，各部分用 / 连接',
    taken: (user: string) => `同名视频流正在直播，来自 ${user}。`,
    source: '推流内容',
    sources: { camera: '摄像头', screen: '屏幕', none: '声音' },
    camera: '摄像头',
    automatic: '自动',
    microphone: '使用麦克风',
    whichMicrophone: '麦克风',
    height: '画面',
    bitrate: '最高码率',
    codec: '编码',
    codecHint: 'H264 到处都能播放。设备无法生成 H264 时使用 VP8。',
    codecWord: '编码',
    start: '开始推流',
    stop: '停止推流',
    watchIt: '查看他人所见画面',
    off: '未推流',
    live: '正在直播',
    starting: '正在连接…',
    interrupted: '已中断',
    endedByServer: '视频流已在服务器上结束：由操作员结束，或因您的权限变更。',
    time: '时长',
    up: '上行',
    rtt: '往返时延',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `您的上行链路丢失了 ${percent(loss)} 的数据包` : '';
      if (limit === 'bandwidth') return drops ? `${drops}；已降低画质。` : '您的上行带宽已满；已降低画质以适应。';
      if (limit === 'cpu') return `${drops ? `${drops}。` : ''}此设备负载过高，无法提供完整画质；已降低画质。`;
      return drops ? `${drops}。` : '上行链路正常。';
    },
    denied: '浏览器未获准使用摄像头、麦克风或屏幕。请在地址栏左侧允许后重试。',
    noDevice: '此处没有该摄像头或麦克风。请接入设备或选择其他设备。',
    busy: '其他程序正在使用摄像头或麦克风。请关闭后重试。',
    insecure: '浏览器仅允许通过 HTTPS 打开的页面使用摄像头和麦克风。请用 https:// 打开此服务器。',
  },

  nameFaults: {
    empty: '视频流需要名称。',
    long: '名称超过 160 个字符。',
    deep: '名称超过八个部分。',
    slash: '斜杠必须位于两个部分之间，不能在首尾，也不能连续。',
    dot: '任何部分都不能以点开头。',
    characters: '只允许字母、数字和 . _ - ~，各部分之间用 /。',
  },

  admin: {
    sections,
    filter: '筛选',
    noMatch: '没有符合筛选条件的内容。',
  },

  people: {
    add: '添加人员',
    person: '人员',
    name: '登录名',
    nameHint: '之后无法更改。',
    fullName: '全名',
    password: '密码',
    passwordHint: '随机建议的密码。不会再次显示：请立即复制。',
    role: '角色',
    lastLogin: '上次登录',
    disabled: '已停用',
    disable: '停用',
    disableText: '该人员在所有协议上的会话将在一秒内关闭。',
    notYourself: '您不能取消自己的权限。',
    keepPassword: '留空则保留当前密码。',
    in: 'IN',
    out: 'OUT',
    inMeans: '可向群组发布',
    outMeans: '接收群组内容',
    explain: 'IN：可向群组发布。OUT：接收群组内容。管理员可查看所有视频流。',
    rights: (user: string, group: string) => `${user} 在 ${group} 中的权限`,
    editTitle: (user: string) => `编辑 ${user}`,
    added: (user: string) => `${user} 现在可以登录。`,
    saved: (user: string) => `${user} 已保存。`,
    removeTitle: (user: string) => `移除 ${user}？`,
    removeText: '该账号及其令牌、密钥和证书将立即失效，所有会话都会关闭。此操作无法撤销；停用则可以恢复。',
    removed: (user: string) => `${user} 已移除。`,
  },

  groups: {
    name: '新建群组',
    description: '用途',
    add: '添加群组',
    members: (n: number) => plural(n, '名成员', '名成员'),
    added: (group: string) => `群组 ${group} 已添加。`,
    removeTitle: (group: string) => `移除群组 ${group}？`,
    removeText: (members: number) =>
      `${plural(members, '名成员将失去', '名成员将失去')}此群组赋予的权限。仅属于此群组的视频流之后只有管理员可见。`,
    removed: (group: string) => `群组 ${group} 已移除。`,
  },

  tokens: {
    add: '新建令牌或密钥',
    name: '名称',
    nameHint: '用途：无人机 2、演播室 OBS',
    kind: '类型',
    kinds: { token: '令牌', streamkey: '流密钥' },
    kindMeans: {
      streamkey: '填入地址或 OBS 的推流码栏。仅能打开下方指定的视频流。',
      token: '用于脚本：填入 Authorization 标头。',
    },
    user: '人员',
    forUser: '用于（留空：您本人）',
    scope: '权限',
    mayDo: '允许的操作',
    streams: '视频流',
    everyStream: '所有视频流',
    everything: '该人员的全部权限',
    never: '直至吊销',
    streamsHint: {
      streamkey: '名称或模式，如 uas/north/*；多个用半角逗号 , 分隔。',
      token: '名称或模式，如 uas/north/*；多个用半角逗号 , 分隔。留空：该人员可访问的所有视频流。',
    },
    lifetime: '有效期',
    expires: '有效期至',
    expired: '已过期',
    lastUsed: '上次使用',
    make: '创建',
    needsAction: '请至少选择一项允许的操作。',
    madeTitle: (name: string) => `${name} 已就绪`,
    once: '仅显示一次，且不以可读形式保存。请立即复制或扫描。',
    secret: '密钥内容',
    kept: '我已保存',
    emptyTitle: '没有令牌和密钥',
    emptyText: '流密钥让无人机、OBS 或摄像头无需密码即可推流；令牌让脚本使用 API。两者都可限制权限、设置有效期并吊销。',
    revokeTitle: (name: string) => `吊销 ${name}？`,
    revokeText: '使用它的连接将在一秒内断开，且无法再凭它连接。',
    revoked: (name: string) => `${name} 已吊销。`,
  },

  sessions: {
    who: '人员',
    does: '操作',
    stream: '视频流',
    by: '方式',
    from: '来源',
    since: '时长',
    nobody: '匿名',
    certificate: '使用证书',
    token: '使用令牌',
    none: '没有打开的会话。',
    failures: '登录失败',
    failure: (user: string, remote: string, protocol: string) => `${user || '某人'}，来自 ${remote || '未知地址'}${protocol ? `，通过 ${protocol.toUpperCase()}` : ''}`,
    end: '结束',
    endTitle: (user: string) => `结束 ${user || '匿名'} 的此会话？`,
    endText: '连接将立即关闭。该人员可以重新连接；如需阻止，请停用该人员或吊销令牌。',
    ended: (user: string) => `${user || '匿名'} 的会话已结束。`,
  },

  certificates: {
    issue: '签发证书',
    ca: 'CA 证书',
    device: '设备',
    deviceHint: '平板 7、通信车',
    state: '状态',
    valid: '有效',
    revoked: '已吊销',
    issued: '签发时间',
    fingerprint: '指纹',
    emptyTitle: '没有证书',
    emptyText: '证书让设备无需密码即可接入：ATAK、WinTAK、访问端口 8443 的浏览器。证书在此签发，可随时吊销。',
    password: '文件密码',
    passwordHint: '在设备上打开文件时需要输入。',
    madeTitle: (name: string) => `${name} 的证书`,
    once: '私钥只在第一个文件中，别处不会保存。请立即保存文件。',
    p12: '证书和密钥（.p12）',
    truststore: 'ATAK 信任库（.p12）',
    revokeTitle: (name: string) => `吊销 ${name} 的证书？`,
    revokeText: (user: string) => `${user} 的设备将在一秒内断开，且无法再凭此证书连接。此操作无法撤销。`,
    wasRevoked: (name: string) => `${name} 的证书已吊销。`,
  },

  streams: {
    name: '视频流',
    inOut: '入 / 出',
    faults: '损坏 / 跳帧',
    faultsMean: '因损坏而略过的帧数，以及观看端过慢而向前跳跃的次数',
    none: '没有直播流。',
  },

  health: {
    allWell: '一切正常',
    sick: (n: number) => plural(n, '项需要处理', '项需要处理'),
    doors: '接入端口',
    parts: '组件',
    server: '服务器',
    open: '已开放',
    closed: '已关闭',
    well: '正常',
    ill: '异常',
    fix: '解决方法',
    name: '名称',
    version: '版本',
    hostNames: '主机名',
    ca: 'CA 指纹',
    backup: '下载备份',
  },
};
