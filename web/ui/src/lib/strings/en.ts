/**
 * Every word of the console, in English. A translation has the same keys; functions take what is
 * put in and decide about order and plural themselves.
 */
import { dateTime, percent } from '$lib/format';
import type { Route } from '$lib/state/router.svelte';
import { files, missions } from './files';
import { devices, enrolment, loginMore, profiles, retention, totp } from './fleet';
import { mail } from './mail';
import { affiliations, alarm, chat, map, thing } from './situation';
import { atoms, marks } from './symbols';
import { plurals, protocolName, transports } from './words';
import { radio } from './radio';
import { rooms, roomTitle } from './rooms';

const plural = plurals('en');
const protocolOf = (name: string) => protocolName(name, 'Web page');

const actions = {
  publish: 'Publish',
  read: 'Watch',
  api: 'Use the API',
  operate: 'Operate',
  admin: 'Administer',
};

const sections = {
  people: 'People',
  tokens: 'Tokens & keys',
  sessions: 'Sessions',
  devices: 'Devices',
  enrolment: 'Enrolment',
  certificates: 'Certificates',
  profiles: 'Profiles',
  streams: 'Streams',
  voice: 'Voice channels',
  retention: 'Retention',
  health: 'Health',
};

function titleOf(route: Route): string {
  switch (route.page) {
    case 'login':
      return 'Log in · Muster';
    case 'reset':
      return 'New password · Muster';
    case 'map':
      return 'Map · Muster';
    case 'chat':
      return 'Chat · Muster';
    case 'files':
      return route.section === 'missions' ? 'Missions · Muster' : 'Files · Muster';
    case 'wall':
      return 'Video · Muster';
    case 'player':
      return `${route.name} · Muster`;
    case 'recordings':
      return 'Recordings · Muster';
    case 'publish':
      return 'Publish · Muster';
    case 'admin':
      return `${sections[route.section]} · Muster`;
    case 'rooms':
    case 'room':
    case 'join':
      return roomTitle(route);
    case 'missing':
      return 'Not found · Muster';
  }
}

export const en = {
  titleOf,
  dateTime: (time: string | undefined) => {
    const text = dateTime(time);
    return text === '–' ? 'never' : text;
  },
  protocol: protocolOf,
  action: (name: string) =>
    ({ publish: 'publishes', read: 'watches', api: 'uses the console', operate: 'operates', admin: 'administers' })[name] ?? name,
  actions,
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
    cancel: 'Cancel',
    close: 'Close',
    save: 'Save',
    done: 'Done',
    edit: 'Edit',
    remove: 'Remove',
    revoke: 'Revoke',
    dismiss: 'Dismiss',
    actions: 'Actions',
    loading: 'Loading…',
    tryAgain: 'Try again',
    copied: 'Copied',
    copyOf: (what: string) => `Copy: ${what}`,
    copyFailed: 'The browser did not allow copying. Select the text and copy it by hand.',
    days: (n: number) => plural(n, 'day', 'days'),
  },

  errors: {
    unreachable: 'The server cannot be reached. Check the network; everything here comes back by itself.',
    notUnderstood: 'The server sent an answer that this console does not understand. Reload the page.',
    unknown: 'Something went wrong here. Reload the page and try again.',
    status: (status: number, retryAfter?: number): string => {
      if (status === 401) return 'You are not logged in any more.';
      if (status === 403) return 'Your rights do not allow this.';
      if (status === 404) return 'This does not exist (any more).';
      if (status === 409) return 'This exists already or is in use.';
      if (status === 413) return 'This is larger than the server accepts.';
      if (status === 429) return retryAfter ? `Too many tries. Wait ${plural(retryAfter, 'second', 'seconds')}.` : 'Too many tries. Wait a moment.';
      if (status >= 500) return 'The server could not do this. Its log says why.';
      return `The server refused this (status ${status}).`;
    },
  },

  frame: {
    skip: 'Skip to the content',
    home: 'Muster, to the map',
    map: 'Map',
    chat: 'Chat',
    files: 'Files',
    unread: (n: number) => `${n} new`,
    lenses: 'Lenses',
    video: 'Video',
    publish: 'Publish',
    admin: 'Admin',
    groups: 'Groups',
    groupsShown: (shown: number, all: number) => `Groups shown: ${shown}/${all}`,
    search: 'Go to…',
    clock: 'Local time and Zulu time',
    connecting: 'Connecting…',
    noServer: 'No connection to the server',
    notLoaded: 'This page could not be loaded: the server cannot be reached, or it was upgraded meanwhile.',
    reload: 'Reload',
    reconnecting: (seconds: number) => `Reconnecting ${seconds} s`,
    state: { off: 'Offline', connecting: 'Connecting', live: 'Live', waiting: 'Reconnecting' },
    announce: {
      off: 'Offline',
      connecting: '',
      live: 'Live: what you see is current.',
      waiting: 'The connection is lost and comes back by itself. What you see may be old.',
    },
  },

  roles: { admin: 'Administrator', operator: 'Operator', member: 'Member' },
  roleMeans: {
    member: 'uses what the groups allow',
    operator: 'also sees and ends sessions of the groups',
    admin: 'everything',
  },

  menu: {
    label: (user: string) => `${user}: account and appearance`,
    theme: 'Appearance',
    themes: { dark: 'Dark', light: 'Light', system: 'System' },
    language: 'Language',
    password: 'Change password',
    currentPassword: 'Current password',
    newPassword: 'New password',
    passwordChanged: 'The password is changed.',
    logout: 'Log out',
  },

  login: {
    title: 'Log in to Muster',
    user: 'Name',
    password: 'Password',
    show: 'Show',
    hide: 'Hide',
    submit: 'Log in',
    busy: 'Logging in…',
    wrong: 'Name and password do not match. Check both; capital letters count.',
    lost: 'Lost the password? An administrator can set a new one.',
    ...loginMore,
  },

  palette: {
    title: 'Go to a person, a stream, a place, a room or a page',
    placeholder: 'Person, stream, room, page, 32T PT 81 37 or 47.27, 11.40',
    place: 'place',
    contact: (user: string, connected: boolean) => `${user ? `${user}, ` : ''}${connected ? 'connected' : 'not connected'}`,
    item: 'on the map',
    room: 'chat room',
    mission: 'mission',
    account: 'account',
    results: 'Places to go',
    page: 'page',
    stream: (user: string) => `live, from ${user}`,
    nothing: 'Nothing by that name.',
  },

  missing: {
    title: 'There is nothing here',
    text: 'The address is wrong, or your rights do not reach this page.',
    back: 'To the map',
  },

  wall: {
    title: 'Video',
    count: (n: number) => plural(n, 'stream', 'streams'),
    filter: 'Filter by name, person, group',
    filterShort: 'Filter',
    tiles: 'Tiles on the screen',
    auto: 'Auto',
    loading: 'Loading the streams…',
    noMatch: (text: string) => `No live stream matches “${text}”.`,
    allHidden: 'Streams are live, but all their groups are switched off above.',
    showAll: 'Show all',
    movedTo: (name: string, position: number, all: number) => `${name} is now at place ${position} of ${all}.`,
  },

  tile: {
    play: (name: string) => `Play ${name} in this tile`,
    stop: (name: string) => `Stop ${name} in this tile`,
    move: (name: string) => `Move ${name}; arrow keys work too`,
    moveHow: 'Drag to arrange; arrow keys work too',
    viewers: (n: number) => `${n} watching`,
    age: (age: string) => `live for ${age}`,
  },

  still: {
    noVideo: 'Sound only',
    none: 'Waiting for the first key frame',
    undecodable: 'This browser cannot show this codec as a still',
    error: 'No picture: the server did not answer',
    loading: 'Loading the picture…',
  },

  empty: {
    title: 'No stream is live',
    text: 'Every stream that somebody publishes to your groups appears here the moment it starts. Start one:',
    readOnly: 'Every stream that somebody publishes to your groups appears here the moment it starts.',
    here: 'With this device',
    hereText: 'Camera or screen, straight from this browser. Nothing to install.',
    ffmpeg: 'With ffmpeg',
    ffmpegText: 'Paste this line, put your password in place of PASSWORD. The test picture can be any input: a file, a camera.',
  },

  play: {
    playerOf: (name: string) => `Player: ${name}`,
    live: 'Live',
    notPlaying: 'Not playing',
    offline: 'Offline',
    stateWord: 'State',
    figures: 'Figures of the playback',
    connecting: 'Connecting…',
    ended: 'The publisher has stopped.',
    comesBack: 'The picture comes back by itself when the stream does.',
    cannot: 'This cannot play here',
    elsewhere: 'Another browser may play it; VLC, ffplay and ATAK do with the addresses listed here.',
    againIn: (seconds: number) => `Next try in ${seconds} s`,
    now: 'Try now',
    play: 'Play',
    pause: 'Pause',
    mute: 'Mute',
    unmute: 'Sound on',
    noAudioTrack: 'The stream has no sound',
    previous: 'Previous stream',
    next: 'Next stream',
    full: 'Full screen',
    leaveFull: 'Leave full screen',
    noFullScreen: 'The browser did not allow full screen.',
    pip: 'Picture in picture',
    noPip: 'The browser did not allow picture in picture.',
    snapshot: 'Snapshot',
    noSnapshot: 'There is no picture yet to take.',
    snapshotSaved: (file: string) => `Snapshot saved: ${file}`,
    keys: 'Keyboard',
    keyList: [
      ['Space', 'pause and go on, live'],
      ['M', 'sound on and off'],
      ['F', 'full screen'],
      ['P', 'picture in picture'],
      ['S', 'snapshot'],
      ['← →', 'previous and next stream'],
      ['?', 'this list'],
      ['Ctrl K', 'go to a person, stream, place or page'],
    ] as [keys: string, what: string][],
    transport: 'Transport',
    transports,
    preferences: { auto: 'Automatic', webrtc: 'WebRTC', hls: 'HLS' },
    latency: 'Delay',
    rate: 'Rate',
    size: 'Picture',
    loss: 'Lost',
    insteadHls: (transport: 'webrtc' | 'hls', why: string) =>
      transport === 'hls' ? `Playing over HLS, a few seconds behind: ${why}` : `Playing over WebRTC: ${why}`,
    noTransport: (transport: 'webrtc' | 'hls') => `This browser has no ${transports[transport]}.`,
    cannotDecode: (codec: string, transport: 'webrtc' | 'hls') => `This browser cannot decode ${codec} over ${transports[transport]}.`,
    bFrames: 'The publisher sends B-frames, which WebRTC cannot carry (ffmpeg: -bf 0).',
    nothingToPlay: 'The stream has neither picture nor sound.',
    noSound: (codec: string, transport: 'webrtc' | 'hls') =>
      transport === 'webrtc' ? `There is no sound: WebRTC cannot carry ${codec}. Choose HLS to hear it.` : `There is no sound: this browser cannot decode ${codec}.`,
    noPicture: (transport: 'webrtc' | 'hls'): string =>
      transport === 'webrtc' ? 'No picture came over WebRTC; the network may block UDP.' : 'No picture came over HLS.',
    noAnswer: 'The server did not answer in time.',
    iceFailed: 'The network path for WebRTC broke; UDP may be blocked.',
    closedByServer: 'The server ended the session.',
    stalled: 'No packets came for a while.',
    closed: 'Closed.',
    hlsFailed: (detail: string) => `HLS stopped (${detail}).`,
  },

  card: {
    about: (name: string) => `About ${name}`,
    back: 'All video',
    publisher: 'Publisher',
    by: (protocol: string) => `by ${protocolOf(protocol)}`,
    since: 'Since',
    tracks: 'Tracks',
    bFrames: 'with B-frames',
    rate: 'Rate',
    total: (bytes: string) => `(${bytes} so far)`,
    viewers: 'Viewers',
    damaged: 'Damaged',
    damagedUnits: (n: number) => `${plural(n, 'frame', 'frames')} left out`,
    offline: 'This stream is not live, or your groups do not reach it.',
    end: 'End stream',
    endTitle: (name: string) => `End ${name}?`,
    endText: (user: string) =>
      `The connection of ${user || 'the publisher'} is closed and everybody who watches loses the picture. The publisher may connect again; to prevent that, disable the user or revoke the key.`,
    ended: (name: string) => `${name} was ended.`,
  },

  recordings: {
    title: 'Recordings',
    of: (stream: string) => `Recordings of ${stream}`,
    all: 'Recordings of all streams',
    stream: 'Stream',
    when: 'Begin',
    length: 'Length',
    size: 'Size',
    from: 'From',
    open: 'in progress',
    play: 'Play',
    playing: (stream: string, time: string) => `${stream}, ${time}`,
    cannotPlay: 'This browser cannot play it; download it for VLC or another player.',
    download: 'Download',
    remove: 'Delete',
    removeTitle: (stream: string, time: string) => `Delete the recording of ${stream}, ${time}?`,
    removeText: 'The file is deleted from the server. This cannot be undone.',
    removed: 'The recording is deleted.',
    more: 'Show older ones',
    emptyTitle: 'Nothing is recorded',
    emptyText: 'A stream is recorded when the configuration says so (media.paths, record: true), or when an operator starts it on the page of the stream.',
    start: 'Record',
    stop: 'Stop recording',
    state: 'Recording',
    mark: 'REC',
    on: (name: string) => `${name} is being recorded until it ends.`,
    off: (name: string) => `${name} is not recorded any more.`,
  },

  addresses: {
    watch: 'Watch elsewhere',
    publish: 'Publish from elsewhere',
    of: (protocol: string, app: string) => `${protocolOf(protocol)} address for ${app}`,
    qr: 'QR code',
    qrOf: (protocol: string, app: string) => `QR code of the ${protocolOf(protocol)} address for ${app}`,
    qrNeedsKey: 'A code to scan needs a key in it. Make one below, and every address here carries it.',
    keyText: 'For another device: a key that opens this stream and nothing else, put into the addresses and QR codes.',
    lifetime: 'How long the key is valid',
    makeKey: 'Make a key',
    hasKey: (day: string) => `These addresses hold a new key, valid until ${day}. Whoever has one can use it; revoke it under Admin, Tokens & keys.`,
  },

  publish: {
    title: 'Publish from this device',
    fromHere: 'Publish from this device',
    preview: 'Preview',
    noPreview: 'The preview appears when camera or screen is on.',
    soundOnly: 'Sound only: there is no picture to show.',
    show: 'Switch on',
    flip: 'Other camera',
    name: 'Name of the stream',
    nameHint: 'Letters, digits and . _ - ~, parts joined by /',
    taken: (user: string) => `A stream of that name is live, from ${user}.`,
    source: 'What to send',
    sources: { camera: 'Camera', screen: 'Screen', none: 'Sound' },
    camera: 'Camera',
    automatic: 'Automatic',
    microphone: 'With microphone',
    whichMicrophone: 'Microphone',
    height: 'Picture',
    bitrate: 'At most',
    codec: 'Codec',
    codecHint: 'H264 plays everywhere. VP8 where the device cannot make H264.',
    codecWord: 'Codec',
    start: 'Start publishing',
    stop: 'Stop publishing',
    watchIt: 'See it as others do',
    off: 'Not publishing',
    live: 'You are live',
    starting: 'Connecting…',
    interrupted: 'Interrupted',
    endedByServer: 'The stream was ended on the server, by an operator or because your rights changed.',
    time: 'For',
    up: 'Up',
    rtt: 'Round trip',
    uplink: (loss: number, limit: 'none' | 'cpu' | 'bandwidth' | 'other'): string => {
      const drops = loss >= 0.005 ? `Your uplink drops ${percent(loss)} of the packets` : '';
      if (limit === 'bandwidth') return drops ? `${drops}; the picture was lowered.` : 'Your uplink is full; the picture was lowered to fit.';
      if (limit === 'cpu') return `${drops ? `${drops}. ` : ''}This device is too busy for the full picture; it was lowered.`;
      return drops ? `${drops}.` : 'The uplink is clean.';
    },
    denied: 'The browser was not allowed to use camera, microphone or screen. Allow it at the left of the address bar and try again.',
    noDevice: 'There is no such camera or microphone here. Plug one in or choose another.',
    busy: 'Another program uses the camera or microphone. Close it and try again.',
    insecure: 'Browsers give camera and microphone only to pages opened over HTTPS. Open this server with https://.',
  },

  nameFaults: {
    empty: 'A stream needs a name.',
    long: 'The name is longer than 160 characters.',
    deep: 'The name has more than eight parts.',
    slash: 'A slash must stand between two parts, not at an end and not doubled.',
    dot: 'No part may start with a dot.',
    characters: 'Only letters, digits and . _ - ~ are allowed, and / between parts.',
  },

  admin: {
    sections,
    filter: 'Filter',
    noMatch: 'Nothing matches the filter.',
  },

  people: {
    add: 'Add person',
    person: 'Person',
    name: 'Login name',
    nameHint: 'Cannot be changed later.',
    fullName: 'Full name',
    password: 'Password',
    passwordHint: 'Proposed at random. It is not shown again: copy it now.',
    role: 'Role',
    lastLogin: 'Last login',
    disabled: 'Disabled',
    disable: 'Disabled',
    disableText: 'Every session of this person is closed within a second, on every protocol.',
    notYourself: 'You cannot take your own rights away.',
    keepPassword: 'Leave empty to keep the present one.',
    in: 'IN',
    out: 'OUT',
    inMeans: 'May publish to the group',
    outMeans: 'Receives what the group holds',
    explain: 'IN: may publish to the group. OUT: receives what the group holds. Administrators see every stream.',
    rights: (user: string, group: string) => `Rights of ${user} in ${group}`,
    editTitle: (user: string) => `Edit ${user}`,
    added: (user: string) => `${user} can log in now.`,
    saved: (user: string) => `${user} is saved.`,
    removeTitle: (user: string) => `Remove ${user}?`,
    removeText: 'The account, its tokens, keys and certificates stop working at once, and every open session is closed. This cannot be undone; disabling can.',
    removed: (user: string) => `${user} is removed.`,
  },

  groups: {
    name: 'New group',
    description: 'What it is for',
    add: 'Add group',
    members: (n: number) => plural(n, 'member', 'members'),
    added: (group: string) => `Group ${group} is added.`,
    removeTitle: (group: string) => `Remove group ${group}?`,
    removeText: (members: number) =>
      `${plural(members, 'member loses', 'members lose')} what this group gave. Streams that belong to this group alone are then seen by administrators only.`,
    removed: (group: string) => `Group ${group} is removed.`,
  },

  tokens: {
    add: 'New token or key',
    name: 'Name',
    nameHint: 'What it is for: drone 2, OBS in the studio',
    kind: 'Kind',
    kinds: { token: 'Token', streamkey: 'Stream key' },
    kindMeans: {
      streamkey: 'Goes into an address or into the key field of OBS. Opens the streams named below and nothing else.',
      token: 'For scripts: goes into the Authorization header.',
    },
    user: 'Person',
    forUser: 'For (empty: yourself)',
    scope: 'May',
    mayDo: 'May do',
    streams: 'Streams',
    everyStream: 'every stream',
    everything: 'All that the person may',
    never: 'Until revoked',
    streamsHint: {
      streamkey: 'Names or patterns such as uas/north/*; several with a comma.',
      token: 'Names or patterns such as uas/north/*; several with a comma. Empty: every stream that the person reaches.',
    },
    lifetime: 'Valid for',
    expires: 'Until',
    expired: 'Expired',
    lastUsed: 'Last used',
    make: 'Make it',
    needsAction: 'Choose at least one thing it may do.',
    madeTitle: (name: string) => `${name} is ready`,
    once: 'This is shown once and kept nowhere readable. Copy or scan it now.',
    secret: 'The secret',
    kept: 'I have it',
    emptyTitle: 'No tokens and no keys',
    emptyText: 'A stream key lets a drone, OBS or a camera publish without a password; a token lets a script use the API. Both can be limited, expire and be revoked.',
    revokeTitle: (name: string) => `Revoke ${name}?`,
    revokeText: 'Whatever uses it is disconnected within a second and cannot come back with it.',
    revoked: (name: string) => `${name} is revoked.`,
  },

  sessions: {
    who: 'Who',
    does: 'Does',
    stream: 'Stream',
    by: 'By',
    from: 'From',
    since: 'For',
    nobody: 'anonymous',
    certificate: 'with a certificate',
    token: 'with a token',
    none: 'Nothing is open.',
    failures: 'Failed logins',
    failure: (user: string, remote: string, protocol: string) => `${user || 'somebody'} from ${remote || 'somewhere'}${protocol ? ` by ${protocol.toUpperCase()}` : ''}`,
    end: 'End',
    endTitle: (user: string) => `End this session of ${user || 'anonymous'}?`,
    endText: 'The connection is closed at once. The person may connect again; to prevent that, disable the person or revoke the token.',
    ended: (user: string) => `The session of ${user || 'anonymous'} was ended.`,
  },

  certificates: {
    issue: 'Issue certificate',
    ca: 'CA certificate',
    device: 'Device',
    deviceHint: 'tablet 7, radio truck',
    state: 'State',
    valid: 'Valid',
    revoked: 'Revoked',
    issued: 'Issued',
    fingerprint: 'Fingerprint',
    emptyTitle: 'No certificates',
    emptyText: 'A certificate lets a device in without a password: ATAK, WinTAK, a browser on port 8443. It is issued here and can be revoked at any time.',
    password: 'Password of the files',
    passwordHint: 'Asked for when the file is opened on the device.',
    madeTitle: (name: string) => `Certificate for ${name}`,
    once: 'The private key is in the first file and is kept nowhere else. Save the files now.',
    p12: 'Certificate and key (.p12)',
    truststore: 'Trust store for ATAK (.p12)',
    revokeTitle: (name: string) => `Revoke the certificate of ${name}?`,
    revokeText: (user: string) => `The device of ${user} is disconnected within a second and cannot come back with it. This cannot be undone.`,
    wasRevoked: (name: string) => `The certificate of ${name} is revoked.`,
  },

  streams: {
    name: 'Stream',
    inOut: 'In / out',
    faults: 'Damaged / jumps',
    faultsMean: 'Frames left out because they were damaged, and times a viewer was too slow and skipped ahead',
    none: 'No stream is live.',
  },

  health: {
    allWell: 'Everything works',
    sick: (n: number) => `${plural(n, 'thing needs', 'things need')} attention`,
    doors: 'Doors',
    parts: 'Parts',
    server: 'Server',
    open: 'Open',
    closed: 'Closed',
    well: 'Well',
    ill: 'Not well',
    fix: 'The fix',
    name: 'Name',
    version: 'Version',
    hostNames: 'Host names',
    ca: 'CA fingerprint',
    backup: 'Download a backup',
  },
};
