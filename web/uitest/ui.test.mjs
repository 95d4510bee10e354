// The review UI in a real browser, over a house whose answers are held against openapi.json.
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { House } from './house.mjs';
import { browse, pages, axeSource, watch } from './browse.mjs';

let chromium;
let house;
const axe = await readFile(axeSource, 'utf8');

before(async () => { chromium = await browse(); });
after(async () => { await chromium.done(); });
afterEach(async () => { await house?.stop().catch(() => {}); house = null; });

// open starts a house and a page on it, and returns both with what the page did wrong.
async function open(hash = '', { setUp, ...options } = {}) {
	house = await new House().start();
	setUp?.(house);
	const page = await chromium.newPage({ viewport: { width: 1280, height: 900 }, locale: 'en', ...options });
	page.setDefaultTimeout(8000);
	const seen = await watch(page, house.url);
	await page.goto(house.url + hash);
	return { page, seen };
}

// good says that the page broke no rule of ours.
function good(seen, { allow = [] } = {}) {
	assert.deepEqual(seen.foreign, [], 'requests to other hosts');
	assert.deepEqual(seen.violations, [], 'violations of the content security policy');
	assert.deepEqual(seen.errors.filter((e) => !allow.some((a) => a.test(e))), [], 'errors on the console');
	assert.deepEqual(house?.faults ?? [], [], 'answers that openapi.json does not allow');
}

for (const width of [1280, 390]) {
	for (const colorScheme of ['light', 'dark']) {
		test(`every page fits and is accessible at ${width} px, ${colorScheme}`, async () => {
			const { page, seen } = await open('', { viewport: { width, height: 850 }, colorScheme });
			for (const [name, hash] of Object.entries(pages)) {
				await page.goto(house.url + hash);
				await page.waitForSelector('main h1');
				await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => {}); // the live stream keeps it busy
				if (name === 'fields' || name === 'entry') await page.locator(name === 'entry' ? '.mark' : '.event > summary').first().click();
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				assert.ok(wide <= 0, `${name} is ${wide} px too wide`);
				await page.evaluate(axe);
				const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).slice(0, 3).join('; ')}`)));
				assert.deepEqual(found, [], `axe on ${name}`);
			}
			good(seen);
			await page.close();
		});
	}
}

test('the first page is at most 150 KB in all', async () => {
	const { page } = await open('#/left');
	await page.waitForSelector('.uplot');
	const { gzipSync } = await import('node:zlib');
	let plain = 0;
	let packed = 0;
	for (const [name, size] of house.bytes) {
		plain += size;
		packed += gzipSync(await readFile(new URL('../static/' + name, import.meta.url)), { level: 9 }).length;
	}
	console.log(`first page with charts: ${plain} bytes, ${packed} packed, ${house.bytes.size} files`);
	assert.ok(packed <= 150_000, `${packed} bytes`);
	await page.close();
});

test('an entry appears within a second, and an update takes its place', async () => {
	const { page, seen } = await open('#/left');
	await page.waitForSelector('.row');
	const before = await page.locator('.row').count();
	const entry = { ...house.entries[0], id: 'local-950', time: new Date().toISOString(), host: 'new.plex.tv', done: false, verdict: 'hold' };
	const start = Date.now();
	house.arrive(entry);
	await page.waitForSelector('a[href="#/entry/local-950"]', { timeout: 1000 });
	console.log(`live after ${Date.now() - start} ms`);
	house.tell('entry', { ...entry, done: true, verdict: 'generalize', update: true });
	await page.waitForSelector('a[href="#/entry/local-950"] .badge.generalize', { timeout: 1000 });
	assert.equal(await page.locator('.row').count(), before + 1);
	house.arrive({ ...entry, id: 'local-951', type: 'tunnel', verdict: 'tunnel' });
	await page.waitForTimeout(200);
	assert.equal(await page.locator('a[href="#/entry/local-951"]').count(), 0, 'tunnels are shown only when asked for');
	good(seen);
	await page.close();
});

test('a flood of entries is batched and the page stays usable', async () => {
	const { page, seen } = await open('#/left');
	await page.waitForSelector('.row');
	for (let i = 0; i < 1500; i++) house.tell('entry', { ...house.entries[0], id: `local-${2000 + i}`, time: new Date(Date.now() + i).toISOString() });
	house.tell('skipped', { count: 812 });
	const start = Date.now();
	await page.getByText('812 entries came faster').waitFor();
	await page.getByRole('button', { name: /Show [\d,]+ new entries/ }).waitFor();
	await page.getByRole('searchbox').fill('sentry');
	await page.waitForFunction(() => location.hash.includes('sentry'));
	console.log(`usable ${Date.now() - start} ms after a flood of 1500`);
	assert.ok(Date.now() - start < 6000);
	good(seen);
	await page.close();
});

test('older entries come by cursor, each page once', async () => {
	const { page } = await open('#/left');
	await page.waitForSelector('.row');
	for (let i = 0; i < 8; i++) { await page.mouse.wheel(0, 5000); await page.waitForTimeout(60); }
	await page.getByText('This is where the ledger begins').waitFor();
	const cursors = house.asked.filter((a) => a.path === '/entries').map((a) => a.params.get('before')).filter(Boolean);
	assert.deepEqual(cursors, [...new Set(cursors)]);
	assert.equal(await page.locator('.row').count(), house.entries.filter((e) => e.type !== 'tunnel').length);
	await page.close();
});

test('filters are asked of the server and stand in the address', async () => {
	const { page, seen } = await open('#/left');
	await page.waitForSelector('.row');
	await page.getByLabel('What happened').selectOption('drop');
	await page.waitForFunction(() => [...document.querySelectorAll('.row .badge')].every((b) => b.classList.contains('drop')) && document.querySelector('.row'));
	assert.match(page.url(), /verdict=drop/);
	assert.ok(house.asked.some((a) => a.path === '/entries' && a.params.get('verdict') === 'drop'));
	await page.getByRole('searchbox').fill('no such host');
	await page.getByText('Nothing matches').waitFor();
	good(seen);
	await page.close();
});

test('a switch acts, says so, and can be taken back', async () => {
	const { page, seen } = await open('#/products/plex/playback');
	const group = page.getByRole('group', { name: 'Playback statistics of Plex' });
	await group.getByLabel('Hold back').click();
	await page.getByText('Playback statistics: Hold back').waitFor();
	const asked = house.asked.find((a) => a.method === 'POST');
	assert.deepEqual([asked.path, asked.body], ['/products/plex/kinds/playback', { switch: 'drop' }]);
	assert.ok(await group.getByLabel('Hold back').isChecked());
	await page.locator('.kind.goal').getByRole('button', { name: 'As configured' }).click();
	await page.waitForFunction(() => document.querySelector('.kind.goal input:checked')?.value === 'generalize');
	house.over['POST /products/plex/kinds/playback'] = () => ({ status: 503, error: { code: 'unavailable', message: 'choices.yaml cannot be written' } });
	await group.getByLabel('Let through').click();
	await page.getByText('choices.yaml cannot be written').waitFor();
	assert.ok(await group.getByLabel('Soften').isChecked(), 'a switch that did not act stays where it was');
	good(seen, { allow: [/503/] });
	await page.close();
});

test('a pause begins, counts down and ends', async () => {
	const { page, seen } = await open('#/products');
	const plex = page.locator('#product-plex');
	await plex.getByRole('button', { name: '1 hour' }).click();
	await plex.getByText(/59:\d\d min left|1 h 00 min left/).waitFor();
	await plex.getByRole('button', { name: 'End the pause' }).click();
	await plex.getByRole('button', { name: '15 minutes' }).waitFor();
	good(seen);
	await page.close();
});

test('scrim gone: the page says so and recovers by itself', async () => {
	const { page, seen } = await open('#/left');
	await page.waitForSelector('.row');
	const port = house.port;
	await house.stop();
	await page.getByText('scrim does not answer. This page looks again by itself').waitFor();
	assert.ok(await page.locator('.row').count() > 5, 'what was shown stays');
	house = new House();
	const missed = { ...house.entries[0], id: 'local-960', time: new Date().toISOString(), host: 'missed.plex.tv' };
	const list = house.list.bind(house);
	house.list = (params) => (params.get('after') ? { entries: [missed], newer: 'c1' } : list(params));
	await house.start(port);
	if (!house.entries[0].says) delete missed.says;
	await page.waitForSelector('a[href="#/entry/local-960"]', { timeout: 9000 });
	await page.waitForFunction(() => !document.querySelector('.banner.bad'));
	good(seen, { allow: [/ERR_/] });
	await page.close();
});

test('a session that ended asks for the password and comes back to its place', async () => {
	const { page, seen } = await open('#/hosts');
	await page.waitForSelector('h1:text("Hosts")');
	const denied = () => ({ status: 401, error: { code: 'unauthorized', message: 'a password is needed' } });
	house.over['/hosts'] = denied;
	await page.getByRole('button', { name: '30 days' }).click();
	await page.getByText('Your session has ended').waitFor();
	await page.getByLabel('Password').fill('wrong');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByText('That is not the password.').waitFor();
	house.over['POST /login'] = () => ({ status: 429, error: { code: 'too_many', message: 'too many attempts', retry_after: 2 } });
	await page.getByLabel('Password').fill('wrong again');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByText(/Try again in [12] second/).waitFor();
	house.over = {};
	await page.waitForFunction(() => !document.querySelector('button[type=submit]').disabled);
	await page.getByLabel('Password').fill('correct horse');
	await page.keyboard.press('Enter');
	await page.waitForSelector('h1:text("Hosts")');
	good(seen, { allow: [/401|429/] });
	await page.close();
});

test('the first password is set with the one-time code', async () => {
	const { page, seen } = await open('#/left', { setUp: (h) => { h.session = { access: 'none', password_set: false }; } });
	await page.getByLabel('One-time code').fill('7KQM-2XVD');
	await page.getByLabel('New password').fill('short');
	await page.getByLabel('Once more').fill('short');
	await page.getByRole('button', { name: 'Set the password' }).click();
	await page.getByRole('alert').getByText('At least 10 characters.').waitFor();
	await page.getByLabel('New password').fill('correct horse');
	await page.getByLabel('Once more').fill('correct horse');
	await page.getByRole('button', { name: 'Set the password' }).click();
	await page.waitForSelector('.row');
	assert.deepEqual(house.asked.find((a) => a.path === '/password').body, { code: '7KQM-2XVD', new: 'correct horse' });
	good(seen);
	await page.close();
});

test('the first start shows the set-up, which turns green with the first event', async () => {
	let first = null;
	const empty = (h) => {
		const entries = h.entries;
		h.entries = [];
		h.first = entries[0];
		for (const path of ['/status', '/setup']) h.over[path] = (a) => ({ ...a, first_event: first });
	};
	const { page, seen } = await open('', { setUp: empty });
	await page.getByText('Waiting for your first event').waitFor();
	assert.match(page.url(), /#\/setup$/);
	await page.getByRole('radio', { name: /DNS/ }).check();
	await page.getByText('scrim setup dns --format pihole').waitFor();
	first = new Date().toISOString();
	house.arrive(house.first);
	await page.waitForSelector('.first-event.came', { timeout: 1000 });
	house.entries = [];
	await page.goto(house.url + '#/left');
	await page.getByText('Nothing has come through yet').waitFor();
	good(seen);
	await page.close();
});

test('faults of each page are shown, with a way to try again', async () => {
	const { page, seen } = await open('#/left');
	await page.waitForSelector('.row');
	let broken = true;
	const fault = (a) => (broken ? { status: 503, error: { code: 'unavailable', message: 'the ledger is locked', hint: 'wait a moment' } } : a);
	for (const [name, path] of [['fields', '/fields'], ['hosts', '/hosts'], ['rules', '/rules'], ['products', '/products'], ['setup', '/setup'], ['health', '/status'], ['left', '/entries'], ['entry/local-900', '/entries/local-900']]) {
		house.over[path] = fault;
		broken = true;
		await page.goto(house.url + '#/' + name);
		await page.locator('main .fault').first().waitFor();
		assert.match(await page.locator('main .fault').first().innerText(), /the ledger is locked/, name);
		broken = false;
		await page.locator('main .fault').first().getByRole('button', { name: 'Try again' }).click();
		await page.waitForFunction(() => !document.querySelector('main .fault'));
		delete house.over[path];
	}
	await page.goto(house.url + '#/entry/local-1');
	await page.getByText('This is not here').waitFor();
	good(seen, { allow: [/503|404/] });
	await page.close();
});

test('a body of many megabytes is shown as text, from its beginning', async () => {
	const big = '{"a":[' + '{"b":"some value that repeats"},'.repeat(40_000) + '1]}';
	const { page, seen } = await open('#/left', { setUp: (h) => { h.over['/entries/local-900'] = (d) => ({ ...d, request: { ...d.request, length: 16 << 20, body: { form: 'json', text: big, bytes: 16 << 20, cut: true } } }); } });
	await page.waitForSelector('.row');
	const start = Date.now();
	await page.goto(house.url + '#/entry/local-900');
	await page.getByText('too large to mark').waitFor();
	console.log(`an entry of ${big.length} characters after ${Date.now() - start} ms`);
	assert.ok(Date.now() - start < 3000);
	good(seen);
	await page.close();
});

test('a starting rule from a field', async () => {
	const { page, seen } = await open('#/fields');
	await page.getByRole('button', { name: 'Start a rule: $.deviceIdentifier' }).click();
	const rule = page.getByRole('region', { name: 'A starting rule' }).locator('pre');
	await rule.getByText('method: POST').waitFor();
	const written = await rule.innerText();
	for (const line of ['host: [analytics.plex.tv]', 'path: /collect/event', '$.deviceIdentifier: random', 'unlisted: remove']) assert.ok(written.includes(line), written);
	good(seen);
	await page.close();
});
