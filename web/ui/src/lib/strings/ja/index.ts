/** 日本語。publishは「配信」、revokeは「失効」と訳す。数と助数詞の間は空けない。 */
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

const forms = plurals('ja');
const plural = (n: number, one: string, many: string) => forms(n, one, many).replace(' ', '');
const protocolOf = (name: string) => protocolName(name, 'Webページ');

const sections = {
  people: 'ユーザー',
  tokens: 'トークンとキー',
  sessions: 'セッション',
  devices: '端末',
  enrolment: '端末登録',
  certificates: '証明書',
  profiles: 'プロファイル',
  streams: 'ストリーム',
  voice: '音声チャンネル',
  retention: '保存期間',
  health: '稼働状態',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'ログイン · Muster';
    case 'reset':
      return '新しいパスワード · Muster';
    case 'map':
      return '地図 · Muster';
    case 'chat':
      return 'チャット · Muster';
    case 'files':
      return route.section === 'missions' ? 'ミッション · Muster' : 'ファイル · Muster';
    case 'wall':
      return '映像 · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return '録画 · Muster';
    case 'publish':
      return '配信 · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return '見つかりません · Muster';
  }
}

export const ja: Catalogue = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'なし' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: '配信中', read: '視聴中', api: 'コンソール使用中', operate: '運用中', admin: '管理中' })[name] ?? name,
  actions: { publish: '配信', read: '視聴', api: 'APIの利用', operate: '運用', admin: '管理' },
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
    cancel: 'キャンセル',
    close: '閉じる',
    save: '保存',
    done: '完了',
    edit: '編集',
    remove: '削除',
    revoke: '失効',
    dismiss: '閉じる',
    actions: '操作',
    loading: '読み込み中…',
    tryAgain: '再試行',
    copied: 'コピーしました',
    copyOf: (what: string) => `コピー：${what}`,
    copyFailed: 'ブラウザーがコピーを許可しませんでした。テキストを選択して手動でコピーしてください。',
    days: (n: number) => plural(n, '日', '日'),
  },

  errors: {
    unreachable: 'サーバーに接続できません。ネットワークを確認してください。つながれば画面は自動で復旧します。',
    notUnderstood: 'サーバーの応答をこのコンソールで解釈できません。ページを再読み込みしてください。',
    unknown: '問題が発生しました。ページを再読み込みして、もう一度お試しください。',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'ログインの有効期限が切れています。';
      if (status === 403) return 'この操作を行う権限がありません。';
      if (status === 404) return '存在しないか、すでに削除されています。';
      if (status === 409) return 'すでに存在するか、使用中です。';
      if (status === 413) return 'サーバーが受け付けるサイズを超えています。';
      if (status === 429) return retryAfter ? `試行回数が多すぎます。${plural(retryAfter, '秒', '秒')}待ってください。` : '試行回数が多すぎます。しばらく待ってください。';
      if (status >= 500) return 'サーバーで処理できませんでした。原因はサーバーのログにあります。';
      return `サーバーが拒否しました（ステータス ${status}）。`;
    },
  },

  frame: {
    skip: '本文へ移動',
    home: 'Muster、地図へ',
    map: '地図',
    chat: 'チャット',
    files: 'ファイル',
    unread: (n: number) => `新着${n}件`,
    lenses: '画面切替',
    video: '映像',
    publish: '配信',
    admin: '管理',
    groups: 'グループ',
    groupsShown: (shown: number, all: number) => `表示中のグループ：${shown}/${all}`,
    search: '移動先を検索…',
    clock: '現地時刻とZ時刻（UTC）',
    connecting: '接続中…',
    noServer: 'サーバーに接続していません',
    notLoaded: 'このページを読み込めませんでした。サーバーに接続できないか、その間に更新された可能性があります。',
    reload: '再読み込み',
    reconnecting: (seconds: number) => `再接続まで ${seconds} s`,
    state: { off: 'オフライン', connecting: '接続中', live: 'ライブ', waiting: '再接続中' },
    announce: {
      off: 'オフライン',
      connecting: '',
      live: 'ライブ：表示は最新です。',
      waiting: '接続が切れました。自動で復旧します。表示は古い可能性があります。',
    },
  },

  roles: { admin: '管理者', operator: 'オペレーター', member: 'メンバー' },
  roleMeans: {
    member: 'グループの権限の範囲で利用',
    operator: '加えて、グループのセッションの確認と終了',
    admin: 'すべて',
  },

  menu: {
    label: (user: string) => `${user}：アカウントと表示`,
    theme: '表示',
    themes: { dark: 'ダーク', light: 'ライト', system: 'システム' },
    language: '言語',
    password: 'パスワードを変更',
    currentPassword: '現在のパスワード',
    newPassword: '新しいパスワード',
    passwordChanged: 'パスワードを変更しました。',
    logout: 'ログアウト',
  },

  login: {
    title: 'Musterにログイン',
    user: 'ユーザー名',
    password: 'パスワード',
    show: '表示',
    hide: '隠す',
    submit: 'ログイン',
    busy: 'ログイン中…',
    wrong: 'ユーザー名とパスワードが一致しません。両方を確認してください。大文字と小文字は区別されます。',
    lost: 'パスワードを忘れた場合は、管理者が再設定できます。',
    ...login,
  },

  palette: {
    title: '人、ストリーム、地点、ルーム、ページへ移動',
    placeholder: '人、ストリーム、ルーム、ページ、32T PT 81 37、47.27, 11.40',
    place: '地点',
    contact: (user: string, connected: boolean) => `${user ? `${user}、` : ''}${connected ? '接続中' : '未接続'}`,
    item: '地図上',
    room: 'チャットルーム',
    mission: 'ミッション',
    account: 'アカウント',
    results: '移動先',
    page: 'ページ',
    stream: (user: string) => `ライブ、配信元 ${user}`,
    nothing: '該当する名前はありません。',
  },

  missing: {
    title: 'ページがありません',
    text: 'アドレスが誤っているか、このページを開く権限がありません。',
    back: '地図へ',
  },

  wall: {
    title: '映像',
    count: (n: number) => `ストリーム${plural(n, '本', '本')}`,
    filter: '名前、人、グループで絞り込み',
    filterShort: '絞り込み',
    tiles: '画面の分割数',
    auto: '自動',
    loading: 'ストリームを読み込み中…',
    noMatch: (text: string) => `「${text}」に一致するライブ配信はありません。`,
    allHidden: 'ライブ配信はありますが、対象のグループがすべて上でオフになっています。',
    showAll: 'すべて表示',
    movedTo: (name: string, position: number, all: number) => `「${name}」を${all}中${position}番目に移動しました。`,
  },

  tile: {
    play: (name: string) => `「${name}」をこのタイルで再生`,
    stop: (name: string) => `「${name}」をこのタイルで停止`,
    move: (name: string) => `「${name}」を移動（矢印キーも可）`,
    moveHow: 'ドラッグで並べ替え（矢印キーも可）',
    viewers: (n: number) => `視聴${n}人`,
    age: (age: string) => `配信 ${age}`,
  },

  still: {
    noVideo: '音声のみ',
    none: '最初のキーフレーム待ち',
    undecodable: 'このブラウザーではこのコーデックを静止画にできません',
    error: '画像なし：サーバーの応答がありません',
    loading: '画像を読み込み中…',
  },

  empty: {
    title: 'ライブ配信はありません',
    text: 'あなたのグループに配信されたストリームは、開始と同時にここに表示されます。配信を始めるには：',
    readOnly: 'あなたのグループに配信されたストリームは、開始と同時にここに表示されます。',
    here: 'この端末から',
    hereText: 'カメラまたは画面を、このブラウザーから直接。インストール不要です。',
    ffmpeg: 'ffmpegから',
    ffmpegText: 'この行を貼り付け、PASSWORDを自分のパスワードに置き換えてください。テスト映像の代わりに、ファイルやカメラなど任意の入力を使えます。',
  },

  play: {
    playerOf: (name: string) => `プレーヤー：${name}`,
    live: 'ライブ',
    notPlaying: '停止中',
    offline: 'オフライン',
    stateWord: '状態',
    figures: '再生の計測値',
    connecting: '接続中…',
    ended: '配信元が配信を終了しました。',
    comesBack: '配信が再開すると、映像も自動で戻ります。',
    cannot: 'ここでは再生できません',
    elsewhere: '別のブラウザーなら再生できる場合があります。VLC、ffplay、ATAKでは、ここにあるアドレスで再生できます。',
    againIn: (seconds: number) => `次の試行まで ${seconds} s`,
    now: '今すぐ試行',
    play: '再生',
    pause: '一時停止',
    mute: 'ミュート',
    unmute: '音声オン',
    noAudioTrack: 'このストリームに音声はありません',
    previous: '前のストリーム',
    next: '次のストリーム',
    full: '全画面',
    leaveFull: '全画面を終了',
    noFullScreen: 'ブラウザーが全画面表示を許可しませんでした。',
    pip: 'ピクチャーインピクチャー',
    noPip: 'ブラウザーがピクチャーインピクチャーを許可しませんでした。',
    snapshot: 'スナップショット',
    noSnapshot: '保存できる映像がまだありません。',
    snapshotSaved: (file: string) => `スナップショットを保存しました：${file}`,
    keys: 'キー操作',
    keyList: [
      ['スペース', '一時停止とライブ再開'],
      ['M', '音声のオン・オフ'],
      ['F', '全画面'],
      ['P', 'ピクチャーインピクチャー'],
      ['S', 'スナップショット'],
      ['← →', '前・次のストリーム'],
      ['?', 'この一覧'],
      ['Ctrl K', '人、ストリーム、地点、ページへ移動'],
    ],
    transport: '伝送方式',
    transports,
    preferences: { auto: '自動', webrtc: 'WebRTC', hls: 'HLS' },
    latency: '遅延',
    rate: 'レート',
    size: '解像度',
    loss: '損失',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `HLSで再生中（数秒の遅れ）：${why}` : `WebRTCで再生中：${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `このブラウザーは${transports[transport]}に対応していません。`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `このブラウザーは${transports[transport]}の${codec}をデコードできません。`,
    bFrames: '配信元がBフレームを送っています。WebRTCでは伝送できません（ffmpeg：-bf 0）。',
    nothingToPlay: 'このストリームには映像も音声もありません。',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `音声なし：WebRTCでは${codec}を伝送できません。聞くにはHLSを選んでください。` : `音声なし：このブラウザーは${codec}をデコードできません。`,
    noPicture: (transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? 'WebRTCで映像が届きません。ネットワークがUDPを遮断している可能性があります。' : 'HLSで映像が届きません。',
    noAnswer: 'サーバーが時間内に応答しませんでした。',
    iceFailed: 'WebRTCの通信経路が切れました。UDPが遮断されている可能性があります。',
    closedByServer: 'サーバーがセッションを終了しました。',
    stalled: 'しばらくパケットが届いていません。',
    closed: '終了しました。',
    hlsFailed: (detail: string) => `HLSが停止しました（${detail}）。`,
  },

  card: {
    about: (name: string) => `「${name}」の詳細`,
    back: '映像一覧',
    publisher: '配信元',
    by: (protocol: string) => `${protocolOf(protocol)}経由`,
    since: '開始',
    tracks: 'トラック',
    bFrames: 'Bフレームあり',
    rate: 'レート',
    total: (bytes: string) => `（累計 ${bytes}）`,
    viewers: '視聴者',
    damaged: '破損',
    damagedUnits: (n: number) => `${plural(n, 'フレーム', 'フレーム')}を破棄`,
    offline: 'このストリームはライブではないか、あなたのグループでは視聴できません。',
    end: '配信を終了',
    endTitle: (name: string) => `「${name}」を終了しますか？`,
    endText: (user: string) =>
      `${user || '配信元'}の接続を切断します。視聴者全員の映像が途切れます。配信元は再接続できます。防ぐには、ユーザーを無効にするか、キーを失効させてください。`,
    ended: (name: string) => `「${name}」を終了しました。`,
  },

  recordings: {
    title: '録画',
    of: (stream: string) => `「${stream}」の録画`,
    all: '全ストリームの録画',
    stream: 'ストリーム',
    when: '開始',
    length: '長さ',
    size: 'サイズ',
    from: '配信元',
    open: '録画中',
    play: '再生',
    playing: (stream: string, time: string) => `${stream}、${time}`,
    cannotPlay: 'このブラウザーでは再生できません。ダウンロードしてVLCなどのプレーヤーで再生してください。',
    download: 'ダウンロード',
    remove: '削除',
    removeTitle: (stream: string, time: string) => `「${stream}」の録画（${time}）を削除しますか？`,
    removeText: 'ファイルをサーバーから削除します。元に戻せません。',
    removed: '録画を削除しました。',
    more: '古い録画を表示',
    emptyTitle: '録画はありません',
    emptyText: '設定で指定した場合（media.paths、record: true）、またはオペレーターがストリームのページで開始した場合に録画されます。',
    start: '録画開始',
    stop: '録画停止',
    state: '録画',
    mark: 'REC',
    on: (name: string) => `「${name}」を配信終了まで録画します。`,
    off: (name: string) => `「${name}」の録画を停止しました。`,
  },

  addresses: {
    watch: '他のアプリで視聴',
    publish: '他の機器から配信',
    of: (protocol: string, app: string) => `${app}用の${protocolOf(protocol)}アドレス`,
    qr: 'QRコード',
    qrOf: (protocol: string, app: string) => `${app}用の${protocolOf(protocol)}アドレスのQRコード`,
    qrNeedsKey: 'スキャン用のコードにはキーが必要です。下でキーを作成すると、ここのすべてのアドレスに入ります。',
    keyText: '他の端末用：このストリームだけを開くキーです。アドレスとQRコードに組み込まれます。',
    lifetime: 'キーの有効期間',
    makeKey: 'キーを作成',
    hasKey: (day: string) => `これらのアドレスには新しいキーが含まれています（${day}まで有効）。アドレスを持つ人は誰でも使えます。失効は「管理」の「トークンとキー」で行います。`,
  },

  publish: {
    title: 'この端末から配信',
    fromHere: 'この端末から配信',
    preview: 'プレビュー',
    noPreview: 'カメラか画面をオンにするとプレビューが表示されます。',
    soundOnly: '音声のみ：表示する映像はありません。',
    show: 'オンにする',
    flip: 'カメラ切替',
    name: 'ストリーム名',
    nameHint: '英数字と . _ - ~、区切りは /',
    taken: (user: string) => `同じ名前のストリームがライブ中です（配信元 ${user}）。`,
    source: '送る内容',
    sources: { camera: 'カメラ', screen: '画面', none: '音声' },
    camera: 'カメラ',
    automatic: '自動',
    microphone: 'マイクを使う',
    whichMicrophone: 'マイク',
    height: '解像度',
    bitrate: '上限',
    codec: 'コーデック',
    codecHint: 'H264はどこでも再生できます。端末がH264を生成できない場合はVP8。',
    codecWord: 'コーデック',
    start: '配信開始',
    stop: '配信停止',
    watchIt: '視聴画面を見る',
    off: '停止中',
    live: 'ライブ配信中',
    starting: '接続中…',
    interrupted: '中断',
    endedByServer: 'オペレーターの操作または権限の変更により、サーバー側で配信が終了しました。',
    time: '経過',
    up: '上り',
    rtt: '往復遅延',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `上り回線でパケットの${percent(loss)}が失われています` : '';
      if (limit === 'bandwidth') return drops ? `${drops}。画質を下げました。` : '上り回線が飽和しています。収まるように画質を下げました。';
      if (limit === 'cpu') return `${drops ? `${drops}。` : ''}端末の負荷が高いため、画質を下げました。`;
      return drops ? `${drops}。` : '上り回線は良好です。';
    },
    denied: 'ブラウザーにカメラ、マイク、画面の使用が許可されていません。アドレスバーの左で許可して、もう一度お試しください。',
    noDevice: '該当するカメラまたはマイクがありません。接続するか、別のものを選んでください。',
    busy: '別のプログラムがカメラまたはマイクを使用中です。終了して、もう一度お試しください。',
    insecure: 'ブラウザーは、HTTPSで開いたページにだけカメラとマイクの使用を許可します。https:// でこのサーバーを開いてください。',
  },

  nameFaults: {
    empty: 'ストリーム名が必要です。',
    long: '名前が160文字を超えています。',
    deep: '名前の区切りが8つを超えています。',
    slash: 'スラッシュは区切りの間に1つだけ使えます。先頭、末尾、連続は不可です。',
    dot: '各区切りをドットで始めることはできません。',
    characters: '使えるのは英数字と . _ - ~、区切りの / だけです。',
  },

  admin: {
    sections,
    filter: '絞り込み',
    noMatch: '条件に一致するものはありません。',
  },

  people: {
    add: 'ユーザーを追加',
    person: 'ユーザー',
    name: 'ログイン名',
    nameHint: '後から変更できません。',
    fullName: '氏名',
    password: 'パスワード',
    passwordHint: '無作為に生成した候補です。再表示されないので、今コピーしてください。',
    role: '役割',
    lastLogin: '最終ログイン',
    disabled: '無効',
    disable: '無効にする',
    disableText: 'このユーザーの全セッションを、全プロトコルで1秒以内に切断します。',
    notYourself: '自分の権限は外せません。',
    keepPassword: '変更しない場合は空欄。',
    in: 'IN',
    out: 'OUT',
    inMeans: 'グループへ配信できる',
    outMeans: 'グループの内容を受信する',
    explain: 'IN：グループへ配信できる。OUT：グループの内容を受信する。管理者は全ストリームを見られます。',
    rights: (user: string, group: string) => `${group}での${user}の権限`,
    editTitle: (user: string) => `「${user}」を編集`,
    added: (user: string) => `「${user}」がログインできるようになりました。`,
    saved: (user: string) => `「${user}」を保存しました。`,
    removeTitle: (user: string) => `「${user}」を削除しますか？`,
    removeText: 'アカウントとそのトークン、キー、証明書は直ちに使えなくなり、開いているセッションはすべて切断されます。元に戻せません。無効化なら元に戻せます。',
    removed: (user: string) => `「${user}」を削除しました。`,
  },

  groups: {
    name: '新しいグループ',
    description: '用途',
    add: 'グループを追加',
    members: (n: number) => `メンバー${plural(n, '人', '人')}`,
    added: (group: string) => `グループ「${group}」を追加しました。`,
    removeTitle: (group: string) => `グループ「${group}」を削除しますか？`,
    removeText: (members: number) =>
      `メンバー${plural(members, '人', '人')}が、このグループの権限を失います。このグループだけに属するストリームは、管理者にしか見えなくなります。`,
    removed: (group: string) => `グループ「${group}」を削除しました。`,
  },

  tokens: {
    add: 'トークン・キーを作成',
    name: '名前',
    nameHint: '用途：ドローン2、スタジオのOBS',
    kind: '種類',
    kinds: { token: 'トークン', streamkey: 'ストリームキー' },
    kindMeans: {
      streamkey: 'アドレスまたはOBSのキー欄に入れます。下で指定したストリームだけを開けます。',
      token: 'スクリプト用：Authorizationヘッダーに入れます。',
    },
    user: 'ユーザー',
    forUser: '対象者（空欄：自分）',
    scope: '権限',
    mayDo: '許可する操作',
    streams: 'ストリーム',
    everyStream: '全ストリーム',
    everything: 'ユーザーに許可されたすべて',
    never: '失効させるまで',
    streamsHint: {
      streamkey: '名前、または uas/north/* のようなパターン。複数はカンマ区切り。',
      token: '名前、または uas/north/* のようなパターン。複数はカンマ区切り。空欄：ユーザーが見られる全ストリーム。',
    },
    lifetime: '有効期間',
    expires: '期限',
    expired: '期限切れ',
    lastUsed: '最終使用',
    make: '作成',
    needsAction: '許可する操作を1つ以上選んでください。',
    madeTitle: (name: string) => `「${name}」を作成しました`,
    once: '表示は今回限りで、読める形では保存されません。今すぐコピーまたはスキャンしてください。',
    secret: 'シークレット',
    kept: '控えました',
    emptyTitle: 'トークンもキーもありません',
    emptyText: 'ストリームキーがあれば、ドローン、OBS、カメラがパスワードなしで配信できます。トークンがあれば、スクリプトがAPIを使えます。どちらも範囲と期限を設定でき、失効させられます。',
    revokeTitle: (name: string) => `「${name}」を失効させますか？`,
    revokeText: 'これを使っている接続は1秒以内に切断され、再接続もできません。',
    revoked: (name: string) => `「${name}」を失効させました。`,
  },

  sessions: {
    who: 'ユーザー',
    does: '動作',
    stream: 'ストリーム',
    by: '経路',
    from: '接続元',
    since: '接続時間',
    nobody: '匿名',
    certificate: '証明書で認証',
    token: 'トークンで認証',
    none: '開いているセッションはありません。',
    failures: 'ログイン失敗',
    failure: (user: string, remote: string, protocol: string) => `${user || '不明なユーザー'}、接続元 ${remote || '不明'}${protocol ? `、${protocol.toUpperCase()}` : ''}`,
    end: '切断',
    endTitle: (user: string) => `「${user || '匿名'}」のこのセッションを切断しますか？`,
    endText: '接続を直ちに切断します。相手は再接続できます。防ぐには、ユーザーを無効にするか、トークンを失効させてください。',
    ended: (user: string) => `「${user || '匿名'}」のセッションを切断しました。`,
  },

  certificates: {
    issue: '証明書を発行',
    ca: 'CA証明書',
    device: '端末',
    deviceHint: 'タブレット7、無線車',
    state: '状態',
    valid: '有効',
    revoked: '失効',
    issued: '発行日時',
    fingerprint: 'フィンガープリント',
    emptyTitle: '証明書はありません',
    emptyText: '証明書があれば、ATAK、WinTAK、ポート8443のブラウザーなどの端末がパスワードなしで接続できます。ここで発行し、いつでも失効させられます。',
    password: 'ファイルのパスワード',
    passwordHint: '端末でファイルを開くときに求められます。',
    madeTitle: (name: string) => `「${name}」の証明書`,
    once: '秘密鍵は最初のファイルにだけ入っており、他には保存されません。今すぐファイルを保存してください。',
    p12: '証明書と鍵（.p12）',
    truststore: 'ATAK用トラストストア（.p12）',
    revokeTitle: (name: string) => `「${name}」の証明書を失効させますか？`,
    revokeText: (user: string) => `「${user}」の端末は1秒以内に切断され、この証明書では再接続できません。元に戻せません。`,
    wasRevoked: (name: string) => `「${name}」の証明書を失効させました。`,
  },

  streams: {
    name: 'ストリーム',
    inOut: '入力 / 出力',
    faults: '破損 / 飛び',
    faultsMean: '破損のため破棄したフレーム数と、視聴側が追いつけず先へ飛んだ回数',
    none: 'ライブ配信はありません。',
  },

  health: {
    allWell: 'すべて正常',
    sick: (n: number) => `要対応${plural(n, '件', '件')}`,
    doors: '接続口',
    parts: '構成要素',
    server: 'サーバー',
    open: '開',
    closed: '閉',
    well: '正常',
    ill: '異常',
    fix: '対処',
    name: '名前',
    version: 'バージョン',
    hostNames: 'ホスト名',
    ca: 'CAフィンガープリント',
    backup: 'バックアップをダウンロード',
  },
};
