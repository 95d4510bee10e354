// Takes every page at two widths in two themes: node shots.mjs OUT [NAME…]. With SCRIM_URL it looks at a running
// scrim, with SCRIM_FOLD it takes only what a screen shows at first.
import { mkdir } from 'node:fs/promises';
import { House } from './house.mjs';
import { browse, pages } from './browse.mjs';

const [out, ...only] = process.argv.slice(2);
await mkdir(out, { recursive: true });
const house = process.env.SCRIM_URL ? null : await new House().start();
const home = process.env.SCRIM_URL ?? house.url;
if (!house) Object.assign(pages, { entry: '#/entry/last', kept: '#/entry/last' });
const chromium = await browse();
for (const [width, height] of [[1280, 900], [390, 844]]) {
	for (const theme of ['light', 'dark']) {
		const page = await chromium.newPage({ viewport: { width, height }, colorScheme: theme, locale: 'en' });
		for (const [name, hash] of Object.entries(pages)) {
			if (only.length && !only.includes(name)) continue;
			await page.goto(home + hash);
			await page.waitForSelector('main h1');
			await page.waitForFunction(() => !document.querySelector('.loading') && (!document.querySelector('.chart-room')));
			await page.waitForTimeout(600);
			const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			if (over > 0) console.log(`${name} ${width}: ${over}px too wide`);
			const tall = process.env.SCRIM_FOLD ? height : await page.evaluate(() => document.documentElement.scrollHeight);
			await page.setViewportSize({ width, height: Math.min(Math.max(tall, height), 2400) });
			await page.waitForTimeout(150);
			await page.screenshot({ path: `${out}/${name}-${width}-${theme}.png` });
			await page.setViewportSize({ width, height });
		}
		await page.close();
	}
}
for (const fault of house?.faults ?? []) console.log('fixture:', fault);
await chromium.done();
await house?.stop();
