// Facts into words: times, sizes, and the one line that says what an entry is.
import { text, locale, number } from './text.js';

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const shortClock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false });
const dayName = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
const whole = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const date = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
const dayMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });

const form = (format, t) => { const d = new Date(t); return t && !isNaN(d) ? format.format(d) : '–'; };

export const atClock = (t) => form(clock, t);
export const atTime = (t) => form(whole, t);
export const onDate = (t) => form(date, t);
export const onDay = (t) => form(dayMonth, t);

const dayOf = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate());

// dayHeading is "Today", "Yesterday", or the day.
export function dayHeading(t, now = new Date()) {
	const d = new Date(t);
	if (isNaN(d)) return '–';
	const days = Math.round((dayOf(now) - dayOf(d)) / 86400000);
	if (days === 0) return text.today;
	if (days === 1) return text.yesterday;
	return dayName.format(d) + (d.getFullYear() === now.getFullYear() ? '' : ` ${d.getFullYear()}`);
}

// ago is "5 minutes ago", also "in 3 hours".
export function ago(t, now = Date.now()) {
	if (!t) return text.never;
	const s = (new Date(t).getTime() - now) / 1000;
	if (isNaN(s)) return '–';
	if (Math.abs(s) < 10) return text.justNow;
	for (const [unit, size] of [['year', 31557600], ['month', 2629800], ['day', 86400], ['hour', 3600], ['minute', 60]]) {
		if (Math.abs(s) >= size * (unit === 'minute' ? 1 : 1.5)) return relative.format(Math.round(s / size), unit);
	}
	return relative.format(Math.round(s), 'second');
}

// until is the clock time, with the day where it is not today.
export function until(t) {
	const d = new Date(t);
	if (isNaN(d)) return '–';
	const heading = dayHeading(t);
	return heading === text.today ? shortClock.format(d) : `${dayMonth.format(d)}, ${shortClock.format(d)}`;
}

// left is "12:05 min", "3 h 20 min": what remains until t.
export function remaining(t, now = Date.now()) {
	const s = Math.max(0, Math.round((new Date(t).getTime() - now) / 1000));
	const pad = (n) => String(n).padStart(2, '0');
	if (s < 3600) return `${Math.floor(s / 60)}:${pad(s % 60)} min`;
	return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} min`;
}

export function bytes(n) {
	if (n === undefined || n === null || n < 0) return '–';
	for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 1024]]) {
		if (n >= size) return `${number(Math.round((n / size) * (n / size < 10 ? 10 : 1)) / (n / size < 10 ? 10 : 1))} ${unit}`;
	}
	return `${number(n)} B`;
}

export function millis(ms) {
	if (ms === undefined || ms === null) return '–';
	return ms < 1000 ? `${number(Math.round(ms))} ms` : `${number(Math.round(ms / 100) / 10)} s`;
}

export { number };

export const verdictOf = (e) => (e.type === 'event' ? 'event' : e.verdict || 'event');

// subject is the name in front: the product, else the host.
export const subject = (e) => e.product_title || e.product || e.host || (e.type === 'event' ? text.name : text.noProduct);

// sentence is the rest of the line, in pieces: "playback", "video, 95 to 115 min", "14 fields held back".
export function sentence(e) {
	if (e.type === 'event') return [text.event[e.reason] ?? e.reason, e.detail].filter(Boolean);
	if (e.type === 'tunnel') return [text.connections(e.count ?? 0), bytes((e.bytes_in ?? 0) + (e.bytes_out ?? 0))];
	const pieces = [];
	if (e.kind_title || e.kind) pieces.push(lower(e.kind_title || e.kind));
	const said = e.says?.length ? e.says.join(', ') : eventOf(e);
	if (said) pieces.push(said);
	if (e.part) pieces.push(text.part(e.part));
	if (e.held_back) pieces.push(text.fieldsHeld(e.held_back));
	else if (e.changed) pieces.push(text.fieldsChanged(e.changed));
	if (!e.rule && !e.kind && e.verdict !== 'failed') pieces.push(text.noRule);
	if (e.parts_left) pieces.push(text.parts(e.parts_left));
	if (e.error) pieces.push(e.error);
	return pieces;
}

// eventOf is the name of the event where the detail says which one it was: $.event is "client:click".
const eventOf = (e) => e.detail?.match(/(?:^|; )\S+ is "([^"]{1,60})"$/)?.[1] ?? '';

const lower = (s) => (/^[A-Z][a-z]/.test(s) ? s[0].toLowerCase() + s.slice(1) : s);

export const clientOf = (e) => e.client_name || e.client || '';

// hue picks one of eight colours for a name, always the same.
export function hue(name) {
	let sum = 0;
	for (const c of name ?? '') sum = (sum * 31 + c.codePointAt(0)) % 8191;
	return sum % 8;
}

// what says type and shape of what was there: "number, integer of 4 digits" is told as "integer, 4 digits".
export function what(edit) {
	const { type = '', shape = '' } = edit;
	if (!shape || shape === type) return type;
	const plain = (type === 'string' && !/^(integer|number|decimal)/.test(shape)) || (type === 'number' && /^(integer|decimal)/.test(shape));
	return plain || !type || shape.startsWith(type) ? shape : `${type}, ${shape}`;
}

// how says what was done: "put into a class, to 8 lengths".
export function how(edit) {
	const name = text.transform[edit.transform] ?? edit.transform;
	return edit.detail ? `${name}, ${edit.detail}` : name;
}
