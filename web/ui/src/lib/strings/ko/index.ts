/** 한국어. publish는 ‘송출’, revoke는 ‘폐기’로 옮긴다. 숫자와 단위는 붙여 쓰고, 이름 뒤에는 조사를 피한다. */
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

const forms = plurals('ko');
const plural = (n: number, one: string, many: string) => forms(n, one, many).replace(' ', '');
const protocolOf = (name: string) => protocolName(name, '웹 페이지');

const sections = {
  people: '사용자',
  tokens: '토큰 및 키',
  sessions: '세션',
  devices: '단말',
  enrolment: '단말 등록',
  certificates: '인증서',
  profiles: '프로필',
  streams: '스트림',
  voice: '음성 채널',
  retention: '보존 기간',
  health: '상태',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return '로그인 · Muster';
    case 'reset':
      return '새 비밀번호 · Muster';
    case 'map':
      return '지도 · Muster';
    case 'chat':
      return '채팅 · Muster';
    case 'files':
      return route.section === 'missions' ? '임무 · Muster' : '파일 · Muster';
    case 'wall':
      return '영상 · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return '녹화 · Muster';
    case 'publish':
      return '송출 · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return '찾을 수 없음 · Muster';
  }
}

export const ko: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? '없음' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: '송출 중', read: '시청 중', api: '콘솔 사용 중', operate: '운영 중', admin: '관리 중' })[name] ?? name,
  actions: { publish: '송출', read: '시청', api: 'API 사용', operate: '운영', admin: '관리' },
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
    cancel: '취소',
    close: '닫기',
    save: '저장',
    done: '완료',
    edit: '편집',
    remove: '삭제',
    revoke: '폐기',
    dismiss: '닫기',
    actions: '작업',
    loading: '불러오는 중…',
    tryAgain: '다시 시도',
    copied: '복사됨',
    copyOf: (what: string) => `복사: ${what}`,
    copyFailed: '브라우저가 복사를 허용하지 않았습니다. 텍스트를 선택해 직접 복사하세요.',
    days: (n: number) => plural(n, '일', '일'),
  },

  errors: {
    unreachable: '서버에 연결할 수 없습니다. 네트워크를 확인하세요. 연결되면 화면이 자동으로 복구됩니다.',
    notUnderstood: '서버의 응답을 이 콘솔에서 해석할 수 없습니다. 페이지를 새로 고치세요.',
    unknown: '문제가 발생했습니다. 페이지를 새로 고친 뒤 다시 시도하세요.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return '로그인이 만료되었습니다.';
      if (status === 403) return '이 작업을 할 권한이 없습니다.';
      if (status === 404) return '존재하지 않거나 이미 삭제되었습니다.';
      if (status === 409) return '이미 있거나 사용 중입니다.';
      if (status === 413) return '서버가 허용하는 크기를 넘었습니다.';
      if (status === 429) return retryAfter ? `시도 횟수가 너무 많습니다. ${plural(retryAfter, '초', '초')} 기다리세요.` : '시도 횟수가 너무 많습니다. 잠시 기다리세요.';
      if (status >= 500) return '서버가 처리하지 못했습니다. 원인은 서버 로그에 있습니다.';
      return `서버가 거부했습니다(상태 ${status}).`;
    },
  },

  frame: {
    skip: '본문으로 이동',
    home: 'Muster, 지도로',
    map: '지도',
    chat: '채팅',
    files: '파일',
    unread: (n: number) => `새 항목 ${n}개`,
    lenses: '화면 전환',
    video: '영상',
    publish: '송출',
    admin: '관리',
    groups: '그룹',
    groupsShown: (shown: number, all: number) => `표시 중인 그룹: ${shown}/${all}`,
    search: '이동…',
    clock: '현지 시각과 줄루 시각(UTC)',
    connecting: '연결 중…',
    noServer: '서버에 연결되지 않음',
    notLoaded: '이 페이지를 불러오지 못했습니다. 서버에 연결할 수 없거나 그사이 업그레이드되었습니다.',
    reload: '새로 고침',
    reconnecting: (seconds: number) => `재연결까지 ${seconds} s`,
    state: { off: '오프라인', connecting: '연결 중', live: '실시간', waiting: '재연결 중' },
    announce: {
      off: '오프라인',
      connecting: '',
      live: '실시간: 표시된 내용이 최신입니다.',
      waiting: '연결이 끊겼으며 자동으로 복구됩니다. 표시된 내용이 오래되었을 수 있습니다.',
    },
  },

  roles: { admin: '관리자', operator: '운영자', member: '구성원' },
  roleMeans: {
    member: '그룹이 허용하는 범위에서 사용',
    operator: '추가로 그룹의 세션 확인 및 종료',
    admin: '모든 권한',
  },

  menu: {
    label: (user: string) => `${user}: 계정 및 화면`,
    theme: '화면 모드',
    themes: { dark: '어둡게', light: '밝게', system: '시스템' },
    language: '언어',
    password: '비밀번호 변경',
    currentPassword: '현재 비밀번호',
    newPassword: '새 비밀번호',
    passwordChanged: '비밀번호를 변경했습니다.',
    logout: '로그아웃',
  },

  login: {
    title: 'Muster 로그인',
    user: '사용자 이름',
    password: '비밀번호',
    show: '표시',
    hide: '숨기기',
    submit: '로그인',
    busy: '로그인 중…',
    wrong: '사용자 이름과 비밀번호가 맞지 않습니다. 둘 다 확인하세요. 대소문자를 구분합니다.',
    lost: '비밀번호를 잊으셨나요? 관리자가 새로 설정할 수 있습니다.',
    ...login,
  },

  palette: {
    title: '사람, 스트림, 지점, 대화방, 페이지로 이동',
    placeholder: '사람, 스트림, 대화방, 페이지, 32T PT 81 37 또는 47.27, 11.40',
    place: '지점',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? '연결됨' : '연결 안 됨'}`,
    item: '지도 위',
    room: '대화방',
    mission: '임무',
    account: '계정',
    results: '이동할 곳',
    page: '페이지',
    stream: (user: string) => `실시간, 송출자 ${user}`,
    nothing: '해당 이름이 없습니다.',
  },

  missing: {
    title: '페이지가 없습니다',
    text: '주소가 잘못되었거나 이 페이지를 볼 권한이 없습니다.',
    back: '지도로',
  },

  wall: {
    title: '영상',
    count: (n: number) => `스트림 ${plural(n, '개', '개')}`,
    filter: '이름, 사람, 그룹으로 필터',
    filterShort: '필터',
    tiles: '화면 분할 수',
    auto: '자동',
    loading: '스트림을 불러오는 중…',
    noMatch: (text: string) => `“${text}”에 맞는 실시간 스트림이 없습니다.`,
    allHidden: '실시간 스트림이 있지만 해당 그룹이 위에서 모두 꺼져 있습니다.',
    showAll: '모두 표시',
    movedTo: (name: string, position: number, all: number) => `${name}: ${all}개 중 ${position}번째로 이동했습니다.`,
  },

  tile: {
    play: (name: string) => `이 타일에서 재생: ${name}`,
    stop: (name: string) => `이 타일에서 정지: ${name}`,
    move: (name: string) => `이동: ${name} (화살표 키 가능)`,
    moveHow: '끌어서 배치(화살표 키 가능)',
    viewers: (n: number) => `${n}명 시청`,
    age: (age: string) => `송출 ${age}`,
  },

  still: {
    noVideo: '음성만',
    none: '첫 키 프레임 대기 중',
    undecodable: '이 브라우저는 이 코덱을 정지 화면으로 표시할 수 없습니다',
    error: '화면 없음: 서버가 응답하지 않았습니다',
    loading: '화면을 불러오는 중…',
  },

  empty: {
    title: '실시간 스트림이 없습니다',
    text: '내 그룹에 송출되는 스트림은 시작되는 즉시 여기에 나타납니다. 송출을 시작하려면:',
    readOnly: '내 그룹에 송출되는 스트림은 시작되는 즉시 여기에 나타납니다.',
    here: '이 기기에서',
    hereText: '카메라나 화면을 이 브라우저에서 바로 송출합니다. 설치할 것이 없습니다.',
    ffmpeg: 'ffmpeg에서',
    ffmpegText: '이 줄을 붙여 넣고 PASSWORD 자리에 비밀번호를 넣으세요. 시험 화면 대신 파일, 카메라 등 어떤 입력도 쓸 수 있습니다.',
  },

  play: {
    playerOf: (name: string) => `플레이어: ${name}`,
    live: '실시간',
    notPlaying: '정지됨',
    offline: '오프라인',
    stateWord: '상태',
    figures: '재생 수치',
    connecting: '연결 중…',
    ended: '송출자가 송출을 멈췄습니다.',
    comesBack: '스트림이 다시 시작되면 화면도 자동으로 돌아옵니다.',
    cannot: '여기서는 재생할 수 없습니다',
    elsewhere: '다른 브라우저에서는 재생될 수 있습니다. VLC, ffplay, ATAK에서는 여기 있는 주소로 재생됩니다.',
    againIn: (seconds: number) => `다음 시도까지 ${seconds} s`,
    now: '지금 시도',
    play: '재생',
    pause: '일시 정지',
    mute: '음소거',
    unmute: '소리 켜기',
    noAudioTrack: '이 스트림에는 소리가 없습니다',
    previous: '이전 스트림',
    next: '다음 스트림',
    full: '전체 화면',
    leaveFull: '전체 화면 종료',
    noFullScreen: '브라우저가 전체 화면을 허용하지 않았습니다.',
    pip: '화면 속 화면',
    noPip: '브라우저가 화면 속 화면을 허용하지 않았습니다.',
    snapshot: '스냅샷',
    noSnapshot: '아직 저장할 화면이 없습니다.',
    snapshotSaved: (file: string) => `스냅샷 저장됨: ${file}`,
    keys: '단축키',
    keyList: [
      ['스페이스', '일시 정지 및 실시간 재개'],
      ['M', '소리 켜기/끄기'],
      ['F', '전체 화면'],
      ['P', '화면 속 화면'],
      ['S', '스냅샷'],
      ['← →', '이전/다음 스트림'],
      ['?', '이 목록'],
      ['Ctrl K', '사람, 스트림, 지점, 페이지로 이동'],
    ],
    transport: '전송 방식',
    transports,
    preferences: { auto: '자동', webrtc: 'WebRTC', hls: 'HLS' },
    latency: '지연',
    rate: '전송률',
    size: '해상도',
    loss: '손실',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `HLS로 재생 중(몇 초 지연): ${why}` : `WebRTC로 재생 중: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `이 브라우저는 ${transports[transport]} 재생을 지원하지 않습니다.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `이 브라우저는 ${transports[transport]}의 ${codec} 코덱을 디코딩할 수 없습니다.`,
    bFrames: '송출자가 B 프레임을 보내고 있습니다. WebRTC로는 전송할 수 없습니다(ffmpeg: -bf 0).',
    nothingToPlay: '이 스트림에는 영상도 소리도 없습니다.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `소리 없음: WebRTC는 ${codec} 코덱을 전송할 수 없습니다. 들으려면 HLS를 선택하세요.` : `소리 없음: 이 브라우저는 ${codec} 코덱을 디코딩할 수 없습니다.`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'WebRTC로 영상이 오지 않았습니다. 네트워크가 UDP를 차단했을 수 있습니다.' : 'HLS로 영상이 오지 않았습니다.',
    noAnswer: '서버가 제때 응답하지 않았습니다.',
    iceFailed: 'WebRTC 통신 경로가 끊겼습니다. UDP가 차단되었을 수 있습니다.',
    closedByServer: '서버가 세션을 종료했습니다.',
    stalled: '한동안 패킷이 오지 않았습니다.',
    closed: '종료되었습니다.',
    hlsFailed: (detail: string) => `HLS가 멈췄습니다(${detail}).`,
  },

  card: {
    about: (name: string) => `${name} 상세`,
    back: '영상 목록',
    publisher: '송출자',
    by: (protocol: string) => `${protocolOf(protocol)} 경유`,
    since: '시작',
    tracks: '트랙',
    bFrames: 'B 프레임 포함',
    rate: '전송률',
    total: (bytes: string) => `(누적 ${bytes})`,
    viewers: '시청자',
    damaged: '손상',
    damagedUnits: (n: number) => `프레임 ${plural(n, '개', '개')} 제외`,
    offline: '이 스트림은 실시간이 아니거나 내 그룹에서 볼 수 없습니다.',
    end: '스트림 종료',
    endTitle: (name: string) => `${name} 스트림을 종료할까요?`,
    endText: (user: string) =>
      `${user || '송출자'}의 연결을 끊습니다. 모든 시청자의 화면이 끊깁니다. 송출자는 다시 연결할 수 있습니다. 이를 막으려면 사용자를 비활성화하거나 키를 폐기하세요.`,
    ended: (name: string) => `${name} 스트림을 종료했습니다.`,
  },

  recordings: {
    title: '녹화',
    of: (stream: string) => `${stream} 녹화`,
    all: '모든 스트림의 녹화',
    stream: '스트림',
    when: '시작',
    length: '길이',
    size: '크기',
    from: '송출자',
    open: '녹화 중',
    play: '재생',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: '이 브라우저에서는 재생할 수 없습니다. 다운로드하여 VLC 등 다른 플레이어로 재생하세요.',
    download: '다운로드',
    remove: '삭제',
    removeTitle: (stream: string, time: string) => `${stream} 녹화(${time})를 삭제할까요?`,
    removeText: '서버에서 파일을 삭제합니다. 되돌릴 수 없습니다.',
    removed: '녹화를 삭제했습니다.',
    more: '이전 녹화 표시',
    emptyTitle: '녹화가 없습니다',
    emptyText: '설정에 지정된 경우(media.paths, record: true) 또는 운영자가 스트림 페이지에서 시작한 경우에 녹화됩니다.',
    start: '녹화 시작',
    stop: '녹화 중지',
    state: '녹화',
    mark: 'REC',
    on: (name: string) => `${name} 스트림을 끝날 때까지 녹화합니다.`,
    off: (name: string) => `${name} 스트림의 녹화를 중지했습니다.`,
  },

  addresses: {
    watch: '다른 앱에서 시청',
    publish: '다른 장비에서 송출',
    of: (protocol: string, app: string) => `${app}용 ${protocolOf(protocol)} 주소`,
    qr: 'QR 코드',
    qrOf: (protocol: string, app: string) => `${app}용 ${protocolOf(protocol)} 주소의 QR 코드`,
    qrNeedsKey: '스캔용 코드에는 키가 필요합니다. 아래에서 키를 만들면 여기 모든 주소에 포함됩니다.',
    keyText: '다른 기기용: 이 스트림만 열 수 있는 키이며, 주소와 QR 코드에 들어갑니다.',
    lifetime: '키 유효 기간',
    makeKey: '키 만들기',
    hasKey: (day: string) => `이 주소들에는 새 키가 들어 있습니다(${day}까지 유효). 주소를 가진 사람은 누구나 쓸 수 있습니다. 폐기는 관리의 ‘토큰 및 키’에서 합니다.`,
  },

  publish: {
    title: '이 기기에서 송출',
    fromHere: '이 기기에서 송출',
    preview: '미리 보기',
    noPreview: '카메라나 화면을 켜면 미리 보기가 나타납니다.',
    soundOnly: '음성만: 표시할 화면이 없습니다.',
    show: '켜기',
    flip: '카메라 전환',
    name: '스트림 이름',
    nameHint: '영문자, 숫자와 . _ - ~, 구분은 /',
    taken: (user: string) => `같은 이름의 스트림이 실시간 송출 중입니다(송출자 ${user}).`,
    source: '보낼 내용',
    sources: { camera: '카메라', screen: '화면', none: '음성' },
    camera: '카메라',
    automatic: '자동',
    microphone: '마이크 사용',
    whichMicrophone: '마이크',
    height: '해상도',
    bitrate: '최대',
    codec: '코덱',
    codecHint: 'H264는 어디서나 재생됩니다. 기기가 H264를 만들 수 없으면 VP8.',
    codecWord: '코덱',
    start: '송출 시작',
    stop: '송출 중지',
    watchIt: '시청 화면 보기',
    off: '송출 안 함',
    live: '실시간 송출 중',
    starting: '연결 중…',
    interrupted: '중단됨',
    endedByServer: '운영자의 조치 또는 권한 변경으로 서버에서 스트림이 종료되었습니다.',
    time: '경과',
    up: '업로드',
    rtt: '왕복 지연',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `업링크에서 패킷의 ${percent(loss)} 손실` : '';
      if (limit === 'bandwidth') return drops ? `${drops}. 화질을 낮췄습니다.` : '업링크가 가득 찼습니다. 맞도록 화질을 낮췄습니다.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}기기 부하가 높아 화질을 낮췄습니다.`;
      return drops ? `${drops}.` : '업링크 상태가 좋습니다.';
    },
    denied: '브라우저에 카메라, 마이크, 화면 사용이 허용되지 않았습니다. 주소 표시줄 왼쪽에서 허용한 뒤 다시 시도하세요.',
    noDevice: '해당 카메라나 마이크가 없습니다. 연결하거나 다른 것을 선택하세요.',
    busy: '다른 프로그램이 카메라나 마이크를 사용 중입니다. 닫고 다시 시도하세요.',
    insecure: '브라우저는 HTTPS로 연 페이지에만 카메라와 마이크를 허용합니다. 이 서버를 https://로 여세요.',
  },

  nameFaults: {
    empty: '스트림 이름이 필요합니다.',
    long: '이름이 160자를 넘습니다.',
    deep: '이름의 구간이 8개를 넘습니다.',
    slash: '빗금(/)은 구간 사이에 하나만 쓸 수 있습니다. 맨 앞, 맨 뒤, 연속 사용은 안 됩니다.',
    dot: '구간은 점으로 시작할 수 없습니다.',
    characters: '영문자, 숫자와 . _ - ~, 구간 사이의 /만 쓸 수 있습니다.',
  },

  admin: {
    sections,
    filter: '필터',
    noMatch: '필터에 맞는 항목이 없습니다.',
  },

  people: {
    add: '사용자 추가',
    person: '사용자',
    name: '로그인 이름',
    nameHint: '나중에 바꿀 수 없습니다.',
    fullName: '성명',
    password: '비밀번호',
    passwordHint: '무작위로 제안된 값입니다. 다시 표시되지 않으니 지금 복사하세요.',
    role: '역할',
    lastLogin: '마지막 로그인',
    disabled: '비활성',
    disable: '비활성화',
    disableText: '이 사용자의 모든 세션이 모든 프로토콜에서 1초 안에 끊깁니다.',
    notYourself: '자신의 권한은 해제할 수 없습니다.',
    keepPassword: '그대로 두려면 비워 두세요.',
    in: 'IN',
    out: 'OUT',
    inMeans: '그룹에 송출할 수 있음',
    outMeans: '그룹의 내용을 수신함',
    explain: 'IN: 그룹에 송출할 수 있음. OUT: 그룹의 내용을 수신함. 관리자는 모든 스트림을 볼 수 있습니다.',
    rights: (user: string, group: string) => `${group} 그룹에서 ${user}의 권한`,
    editTitle: (user: string) => `${user} 편집`,
    added: (user: string) => `${user} 사용자가 이제 로그인할 수 있습니다.`,
    saved: (user: string) => `${user} 사용자를 저장했습니다.`,
    removeTitle: (user: string) => `${user} 사용자를 삭제할까요?`,
    removeText: '계정과 토큰, 키, 인증서가 즉시 무효가 되고 열린 세션이 모두 끊깁니다. 되돌릴 수 없습니다. 비활성화는 되돌릴 수 있습니다.',
    removed: (user: string) => `${user} 사용자를 삭제했습니다.`,
  },

  groups: {
    name: '새 그룹',
    description: '용도',
    add: '그룹 추가',
    members: (n: number) => `구성원 ${plural(n, '명', '명')}`,
    added: (group: string) => `${group} 그룹을 추가했습니다.`,
    removeTitle: (group: string) => `${group} 그룹을 삭제할까요?`,
    removeText: (members: number) =>
      `구성원 ${plural(members, '명이', '명이')} 이 그룹의 권한을 잃습니다. 이 그룹에만 속한 스트림은 관리자만 볼 수 있게 됩니다.`,
    removed: (group: string) => `${group} 그룹을 삭제했습니다.`,
  },

  tokens: {
    add: '새 토큰 또는 키',
    name: '이름',
    nameHint: '용도: 드론 2, 스튜디오 OBS',
    kind: '종류',
    kinds: { token: '토큰', streamkey: '스트림 키' },
    kindMeans: {
      streamkey: '주소나 OBS의 키 입력란에 넣습니다. 아래에 지정한 스트림만 열 수 있습니다.',
      token: '스크립트용: Authorization 헤더에 넣습니다.',
    },
    user: '사용자',
    forUser: '대상(비우면 본인)',
    scope: '권한',
    mayDo: '허용할 작업',
    streams: '스트림',
    everyStream: '모든 스트림',
    everything: '사용자에게 허용된 모든 작업',
    never: '폐기할 때까지',
    streamsHint: {
      streamkey: '이름 또는 uas/north/* 같은 패턴. 여러 개는 쉼표로 구분.',
      token: '이름 또는 uas/north/* 같은 패턴. 여러 개는 쉼표로 구분. 비우면 사용자가 볼 수 있는 모든 스트림.',
    },
    lifetime: '유효 기간',
    expires: '만료',
    expired: '만료됨',
    lastUsed: '마지막 사용',
    make: '만들기',
    needsAction: '허용할 작업을 하나 이상 선택하세요.',
    madeTitle: (name: string) => `${name} 생성 완료`,
    once: '한 번만 표시되며 읽을 수 있는 형태로 보관되지 않습니다. 지금 복사하거나 스캔하세요.',
    secret: '비밀 값',
    kept: '보관했습니다',
    emptyTitle: '토큰과 키가 없습니다',
    emptyText: '스트림 키가 있으면 드론, OBS, 카메라가 비밀번호 없이 송출할 수 있고, 토큰이 있으면 스크립트가 API를 쓸 수 있습니다. 둘 다 범위와 기한을 정하고 폐기할 수 있습니다.',
    revokeTitle: (name: string) => `${name} 항목을 폐기할까요?`,
    revokeText: '이것을 쓰는 연결은 1초 안에 끊기고 다시 접속할 수 없습니다.',
    revoked: (name: string) => `${name} 항목을 폐기했습니다.`,
  },

  sessions: {
    who: '사용자',
    does: '동작',
    stream: '스트림',
    by: '경로',
    from: '접속지',
    since: '접속 시간',
    nobody: '익명',
    certificate: '인증서로 인증',
    token: '토큰으로 인증',
    none: '열린 세션이 없습니다.',
    failures: '로그인 실패',
    failure: (user: string, remote: string, protocol: string) => `${user || '알 수 없는 사용자'}, 접속지 ${remote || '알 수 없음'}${protocol ? `, ${protocol.toUpperCase()}` : ''}`,
    end: '종료',
    endTitle: (user: string) => `${user || '익명'} 사용자의 이 세션을 종료할까요?`,
    endText: '연결을 즉시 끊습니다. 상대는 다시 연결할 수 있습니다. 이를 막으려면 사용자를 비활성화하거나 토큰을 폐기하세요.',
    ended: (user: string) => `${user || '익명'} 사용자의 세션을 종료했습니다.`,
  },

  certificates: {
    issue: '인증서 발급',
    ca: 'CA 인증서',
    device: '단말',
    deviceHint: '태블릿 7, 통신 차량',
    state: '상태',
    valid: '유효',
    revoked: '폐기됨',
    issued: '발급',
    fingerprint: '지문',
    emptyTitle: '인증서가 없습니다',
    emptyText: '인증서가 있으면 ATAK, WinTAK, 8443 포트의 브라우저 같은 단말이 비밀번호 없이 접속할 수 있습니다. 여기서 발급하고 언제든지 폐기할 수 있습니다.',
    password: '파일 비밀번호',
    passwordHint: '단말에서 파일을 열 때 묻습니다.',
    madeTitle: (name: string) => `${name} 인증서`,
    once: '개인 키는 첫 번째 파일에만 있으며 다른 곳에는 보관되지 않습니다. 지금 파일을 저장하세요.',
    p12: '인증서와 키(.p12)',
    truststore: 'ATAK용 신뢰 저장소(.p12)',
    revokeTitle: (name: string) => `${name} 인증서를 폐기할까요?`,
    revokeText: (user: string) => `${user} 사용자의 단말이 1초 안에 끊기고 이 인증서로 다시 접속할 수 없습니다. 되돌릴 수 없습니다.`,
    wasRevoked: (name: string) => `${name} 인증서를 폐기했습니다.`,
  },

  streams: {
    name: '스트림',
    inOut: '입력 / 출력',
    faults: '손상 / 건너뜀',
    faultsMean: '손상되어 제외된 프레임 수와, 시청자가 느려서 앞으로 건너뛴 횟수',
    none: '실시간 스트림이 없습니다.',
  },

  health: {
    allWell: '모두 정상',
    sick: (n: number) => `조치 필요 ${plural(n, '건', '건')}`,
    doors: '접속구',
    parts: '구성 요소',
    server: '서버',
    open: '열림',
    closed: '닫힘',
    well: '정상',
    ill: '이상',
    fix: '조치',
    name: '이름',
    version: '버전',
    hostNames: '호스트 이름',
    ca: 'CA 지문',
    backup: '백업 다운로드',
  },
};
