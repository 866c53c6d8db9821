// Builds dist/: one style sheet, one script, the font and the icons. Run by `npm run build`.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, 'dist')
const modules = join(here, 'node_modules')

// The folder itself stays: its parent's time tells whether a source was removed.
mkdirSync(dist, { recursive: true })
for (const old of readdirSync(dist)) rmSync(join(dist, old), { recursive: true })
mkdirSync(join(dist, 'fonts'))

execFileSync(
  process.execPath,
  [join(modules, '@tailwindcss/cli/dist/index.mjs'), '-i', 'src/app.css', '-o', 'dist/app.css', '--minify'],
  { cwd: here, stdio: ['ignore', 'ignore', 'pipe'] },
)

await build({
  entryPoints: [join(here, 'src/js/app.js')],
  outfile: join(dist, 'app.js'),
  bundle: true,
  minify: true,
  target: 'es2022',
  legalComments: 'linked',
  logLevel: 'warning',
})

copyFileSync(join(here, 'src/favicon.svg'), join(dist, 'favicon.svg'))

for (const subset of ['latin', 'latin-ext']) {
  const file = `inter-${subset}-wght-normal.woff2`
  copyFileSync(join(modules, '@fontsource-variable/inter/files', file), join(dist, 'fonts', file))
}

// Documents are drawn with these.
for (const [weight, name] of [['400Regular', 'regular'], ['600SemiBold', 'semibold']]) {
  const file = join('@expo-google-fonts/inter', weight, `Inter_${weight}.ttf`)
  copyFileSync(join(modules, file), join(dist, 'fonts', `inter-${name}.ttf`))
}

// The shapes inside each icon's <svg>; the templates' icon() function adds the element around them.
const names = JSON.parse(readFileSync(join(here, 'icons.json'), 'utf8'))
const icons = {}
for (const name of names) {
  const svg = readFileSync(join(modules, 'lucide-static/icons', `${name}.svg`), 'utf8')
  icons[name] = svg.replace(/^[\s\S]*?<svg[^>]*>/, '').replace('</svg>', '').replace(/\s+/g, ' ').trim()
}
writeFileSync(join(dist, 'icons.json'), JSON.stringify(icons))
