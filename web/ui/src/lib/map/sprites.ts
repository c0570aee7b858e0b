/** Draws thousands of pieces of an atlas with one call: symbols, dots and names. WebGL 2. */
import { Atlas, edge, type Drawing, type Sprite } from './atlas';

const vertexShader = `#version 300 es
in vec2 corner;
in vec4 place;
in vec4 piece;
in float opacity;
uniform vec2 screen;
uniform float side;
out vec2 at;
out float strength;
void main() {
  vec2 p = (place.xy + corner * place.zw) / screen * 2.0 - 1.0;
  gl_Position = vec4(p.x, -p.y, 0.0, 1.0);
  at = (piece.xy + corner * piece.zw) / side;
  strength = opacity;
}`;

const fragmentShader = `#version 300 es
precision mediump float;
uniform sampler2D atlas;
in vec2 at;
in float strength;
out vec4 colour;
void main() {
  colour = texture(atlas, at) * strength;
}`;

/** Numbers of one piece: where it is drawn, where it lies on the atlas, how opaque it is. */
const stride = 9;

export class Sprites {
  readonly #canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #ratio: number;
  readonly #atlas: Atlas;
  #screen: WebGLUniformLocation | null = null;
  #buffer: WebGLBuffer | null = null;
  #data = new Float32Array(1024 * stride);
  #count = 0;

  /** ratio: device pixels of a CSS pixel. Throws where there is no WebGL 2. */
  constructor(canvas: HTMLCanvasElement, ratio: number) {
    const gl = canvas.getContext('webgl2', { alpha: true, antialias: false, depth: false, premultipliedAlpha: true });
    if (!gl) throw new Error('no WebGL 2');
    this.#canvas = canvas;
    this.#gl = gl;
    this.#ratio = ratio;
    this.#atlas = new Atlas(ratio, (x, y, pixels) => this.#upload(x, y, pixels));
    this.#prepare();
    canvas.addEventListener('webglcontextlost', (e) => e.preventDefault());
    canvas.addEventListener('webglcontextrestored', () => {
      this.#prepare();
      this.#atlas.clear();
    });
  }

  /** The piece of that key, drawn into the atlas on the first call. */
  get(key: string, make: () => Drawing): Sprite {
    return this.#atlas.get(key, make);
  }

  /** Makes every piece again when it is asked for. */
  forget(): void {
    this.#atlas.clear();
  }

  begin(): void {
    this.#count = 0;
  }

  /** Puts a piece with its anchor at a point (CSS pixels). Later ones lie above earlier ones. */
  add(s: Sprite, x: number, y: number, opacity: number): void {
    const at = this.#count * stride;
    if (at + stride > this.#data.length) this.#grow();
    const d = this.#data;
    // On whole device pixels nothing is blurred.
    d[at] = Math.round((x - s.anchorX) * this.#ratio);
    d[at + 1] = Math.round((y - s.anchorY) * this.#ratio);
    d[at + 2] = s.sw;
    d[at + 3] = s.sh;
    d[at + 4] = s.sx;
    d[at + 5] = s.sy;
    d[at + 6] = s.sw;
    d[at + 7] = s.sh;
    d[at + 8] = opacity;
    this.#count++;
  }

  /** Draws all that was put since begin. */
  end(): void {
    const gl = this.#gl;
    gl.viewport(0, 0, this.#canvas.width, this.#canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.#count === 0) return;
    gl.uniform2f(this.#screen, this.#canvas.width, this.#canvas.height);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.#data.subarray(0, this.#count * stride), gl.STREAM_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.#count);
  }

  /** Gives the memory of the graphics card back. */
  destroy(): void {
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #grow(): void {
    const larger = new Float32Array(this.#data.length * 2);
    larger.set(this.#data);
    this.#data = larger;
  }

  #upload(x: number, y: number, pixels: ImageData): void {
    const gl = this.#gl;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  }

  #prepare(): void {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]] as const) {
      const shader = gl.createShader(type)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program) ?? 'shader');
    gl.useProgram(program);
    this.#screen = gl.getUniformLocation(program, 'screen');
    gl.uniform1f(gl.getUniformLocation(program, 'side'), edge);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);

    const corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, 'corner');
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);

    this.#buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
    for (const [name, size, offset] of [['place', 4, 0], ['piece', 4, 4], ['opacity', 1, 8]] as const) {
      const attribute = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(attribute);
      gl.vertexAttribPointer(attribute, size, gl.FLOAT, false, stride * 4, offset * 4);
      gl.vertexAttribDivisor(attribute, 1);
    }

    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, edge, edge);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
  }
}
