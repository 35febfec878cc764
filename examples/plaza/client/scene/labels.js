/**
 * Words over heads: name tags and speech bubbles, drawn over everything else.
 * @module
 */

const FONT = 'ui-rounded, "SF Pro Rounded", Nunito, Quicksand, system-ui, "Noto Sans CJK SC", sans-serif';
const LINE_LETTERS = 26;
const LINES_MAX = 5;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} x
 * @param {number} y bottom
 * @param {number} size pixels of a letter's height
 * @param {{hue: number, own: boolean}} look
 */
export function drawName(context, name, x, y, size, { hue, own }) {
  const key = `${name},${hue},${own},${size}`;
  let tag = tags.get(key);
  if (!tag) {
    if (tags.size > TAGS_MAX) tags.clear();
    tags.set(key, (tag = paintName(name, size, hue, own)));
  }
  context.drawImage(tag, Math.round(x - tag.width / 2), Math.round(y - tag.height));
}

const TAGS_MAX = 600;
/** Name tags, painted once: writing is slow. @type {Map<string, HTMLCanvasElement>} */
const tags = new Map();

function paintName(name, size, hue, own) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const font = `700 ${size}px ${FONT}`;
  context.font = font;
  canvas.width = Math.ceil(context.measureText(name).width + size * 1.1);
  canvas.height = Math.ceil(size * 1.62);
  context.font = font;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = own ? "rgba(74, 42, 20, 0.62)" : "rgba(34, 24, 54, 0.5)";
  context.beginPath();
  context.roundRect(0, 0, canvas.width, canvas.height, canvas.height / 2);
  context.fill();
  context.fillStyle = own ? "#ffe2a8" : `hsl(${hue}, 75%, 92%)`;
  context.fillText(name, canvas.width / 2, canvas.height / 2 + size * 0.06);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{text: string, loud: boolean, fromMs: number, untilMs: number}} bubble
 * @param {number} x
 * @param {number} y the tip
 * @param {number} size
 * @param {number} now
 */
export function drawBubble(context, bubble, x, y, size, now) {
  const grown = Math.min(1, (now - bubble.fromMs) / 160);
  const letter = size * (bubble.loud ? 1.22 : 1.05);
  context.save();
  context.globalAlpha = Math.min(1, (bubble.untilMs - now) / 600) * grown;
  context.translate(x, y);
  context.scale(0.7 + 0.3 * grown, 0.7 + 0.3 * grown);
  context.font = `${bubble.loud ? 800 : 600} ${letter}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const lines = wrap(bubble.text);
  const width = Math.max(...lines.map((line) => context.measureText(line).width)) + letter * 1.7;
  const height = lines.length * letter * 1.3 + letter * 0.9;
  const tip = letter * 0.55;
  context.shadowColor = "rgba(24, 12, 44, 0.35)";
  context.shadowBlur = letter * 0.8;
  context.shadowOffsetY = letter * 0.2;
  context.fillStyle = bubble.loud ? "#ffe9b8" : "rgba(255, 251, 243, 0.97)";
  context.beginPath();
  context.roundRect(-width / 2, -height - tip, width, height, Math.min(height / 2, letter * 1.05));
  context.moveTo(-tip, -tip - 1);
  context.quadraticCurveTo(-tip * 0.2, -tip * 0.6, 0, 0);
  context.quadraticCurveTo(tip * 0.4, -tip * 0.6, tip, -tip - 1);
  context.fill();
  context.shadowColor = "transparent";
  context.fillStyle = bubble.loud ? "#7a3b12" : "#41304f";
  lines.forEach((line, index) => context.fillText(line, 0, -height - tip + letter * 0.48 + (index + 0.5) * letter * 1.3));
  context.restore();
}

/** Breaks a text into short lines; letters of wide scripts count double. */
function wrap(text) {
  const lines = [""];
  let used = 0;
  const weigh = (word) => [...word].reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x2e80 ? 2 : 1), 0);
  const pieces = text.match(/[\u2e80-\uffef]|[^\s\u2e80-\uffef]{1,24}\s*|\s+/gu) ?? [text];
  for (const piece of pieces) {
    const weight = weigh(piece.trimEnd());
    if (used > 0 && used + weight > LINE_LETTERS) {
      if (lines.length === LINES_MAX) {
        lines[LINES_MAX - 1] += "…";
        return lines;
      }
      lines.push("");
      used = 0;
    }
    lines[lines.length - 1] += piece;
    used += weigh(piece);
  }
  return lines.map((line) => line.trim()).filter((line, index) => line || index === 0);
}
