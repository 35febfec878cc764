/**
 * The things one can find: drawn in a box one unit wide, the middle of their foot at the origin.
 * @module
 */

const TAU = Math.PI * 2;
const tint = (hue, saturation, lightness) => `hsl(${hue}, ${saturation}%, ${lightness}%)`;

function fillPath(context, colour, path) {
  context.fillStyle = colour;
  context.beginPath();
  path(context);
  context.fill();
}

const circle = (x, y, radius) => (context) => context.arc(x, y, radius, 0, TAU);

const DRAWN = {
  flower(context, hue) {
    context.strokeStyle = "#4f8a4a";
    context.lineWidth = 0.07;
    context.beginPath();
    context.moveTo(0, 0);
    context.quadraticCurveTo(0.07, -0.25, 0, -0.5);
    context.stroke();
    fillPath(context, "#67a85a", (path) => path.ellipse(0.14, -0.2, 0.15, 0.065, -0.6, 0, TAU));
    for (let petal = 0; petal < 6; petal++) {
      const turn = (petal / 6) * TAU;
      fillPath(context, tint(hue, 72, petal % 2 ? 70 : 64), circle(Math.cos(turn) * 0.18, -0.62 + Math.sin(turn) * 0.18, 0.15));
    }
    fillPath(context, "#ffd76a", circle(0, -0.62, 0.13));
    fillPath(context, "rgba(255,255,255,.5)", circle(-0.04, -0.66, 0.045));
  },
  gem(context, hue) {
    const facets = [
      [60, [[-0.34, -0.5], [-0.18, -0.78], [0, -0.5]]], [74, [[-0.18, -0.78], [0.18, -0.78], [0, -0.5]]],
      [64, [[0.18, -0.78], [0.34, -0.5], [0, -0.5]]], [50, [[-0.34, -0.5], [0, -0.5], [0, 0]]], [42, [[0, -0.5], [0.34, -0.5], [0, 0]]],
    ];
    for (const [lightness, points] of facets) {
      fillPath(context, tint(hue, 74, lightness), (path) => points.forEach(([x, y]) => path.lineTo(x, y)));
    }
    fillPath(context, "rgba(255,255,255,.75)", (path) => path.ellipse(-0.12, -0.62, 0.07, 0.035, -0.6, 0, TAU));
  },
  hat(context, hue) {
    fillPath(context, tint(hue, 42, 38), (path) => path.ellipse(0, -0.13, 0.46, 0.14, 0, 0, TAU));
    fillPath(context, tint(hue, 46, 50), (path) => {
      path.moveTo(-0.27, -0.15);
      path.bezierCurveTo(-0.27, -0.75, 0.27, -0.75, 0.27, -0.15);
      path.ellipse(0, -0.15, 0.27, 0.08, 0, 0, Math.PI);
    });
    context.strokeStyle = tint((hue + 40) % 360, 75, 70);
    context.lineWidth = 0.09;
    context.beginPath();
    context.ellipse(0, -0.22, 0.275, 0.09, 0, 0.05, Math.PI - 0.05);
    context.stroke();
  },
  lantern(context, hue) {
    context.strokeStyle = "#5a4038";
    context.lineWidth = 0.055;
    context.beginPath();
    context.arc(0, -0.72, 0.13, Math.PI, TAU);
    context.stroke();
    fillPath(context, tint(hue, 80, 66), (path) => path.ellipse(0, -0.38, 0.28, 0.29, 0, 0, TAU));
    fillPath(context, "rgba(255, 246, 200, .9)", (path) => path.ellipse(0, -0.36, 0.13, 0.19, 0, 0, TAU));
    context.strokeStyle = tint(hue, 60, 46);
    context.lineWidth = 0.025;
    for (const width of [0.1, 0.2]) {
      context.beginPath();
      context.ellipse(0, -0.38, width, 0.29, 0, 0, TAU);
      context.stroke();
    }
    fillPath(context, "#5a4038", (path) => path.roundRect(-0.16, -0.72, 0.32, 0.09, 0.03));
    fillPath(context, "#5a4038", (path) => path.roundRect(-0.14, -0.12, 0.28, 0.08, 0.03));
  },
  apple(context, hue) {
    fillPath(context, tint(hue, 66, 54), (path) => {
      path.moveTo(0, -0.56);
      path.bezierCurveTo(0.46, -0.74, 0.46, 0, 0.1, -0.02);
      path.quadraticCurveTo(0, -0.06, -0.1, -0.02);
      path.bezierCurveTo(-0.46, 0, -0.46, -0.74, 0, -0.56);
    });
    fillPath(context, "rgba(255,255,255,.4)", (path) => path.ellipse(-0.17, -0.42, 0.065, 0.12, 0.4, 0, TAU));
    context.strokeStyle = "#6b4a2f";
    context.lineWidth = 0.055;
    context.beginPath();
    context.moveTo(0, -0.54);
    context.quadraticCurveTo(0.01, -0.68, 0.07, -0.74);
    context.stroke();
    fillPath(context, "#6fb35c", (path) => path.ellipse(0.17, -0.69, 0.13, 0.06, -0.4, 0, TAU));
  },
  book(context, hue) {
    context.save();
    context.rotate(-0.12);
    fillPath(context, tint(hue, 45, 34), (path) => path.roundRect(-0.34, -0.62, 0.66, 0.62, 0.06));
    fillPath(context, "#fff3dc", (path) => path.roundRect(-0.27, -0.59, 0.6, 0.55, 0.03));
    fillPath(context, tint(hue, 50, 50), (path) => path.roundRect(-0.36, -0.66, 0.62, 0.61, 0.06));
    fillPath(context, tint(hue, 45, 40), (path) => path.roundRect(-0.36, -0.66, 0.12, 0.61, 0.05));
    fillPath(context, "#ffd98a", (path) => path.roundRect(-0.13, -0.52, 0.29, 0.055, 0.02));
    fillPath(context, "#ffd98a", circle(0.015, -0.29, 0.09));
    context.restore();
  },
};

/**
 * Draws a thing with its foot at the origin, one unit wide.
 * @param {CanvasRenderingContext2D} context
 * @param {string} kind
 * @param {number} hue
 */
export function drawItem(context, kind, hue) {
  (DRAWN[kind] ?? DRAWN.gem)(context, hue);
}

/**
 * A picture of a thing for the bag.
 * @param {string} kind
 * @param {number} hue
 * @returns {HTMLCanvasElement}
 */
export function itemIcon(kind, hue) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 96;
  const context = canvas.getContext("2d");
  context.translate(48, 80);
  context.scale(78, 78);
  drawItem(context, kind, hue);
  return canvas;
}
