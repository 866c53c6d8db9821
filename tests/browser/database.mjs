// A database of its own on the server that TEST_DATABASE_URL names, with the roles the panel expects.
import { randomBytes } from 'node:crypto'

import pg from 'pg'

const OWNER = 'skypanel_owner'
const LOGIN = 'skypanel'

// Roles belong to the whole server, where other tests make theirs at the same time: this is the lock that
// the panel's migrations take. From PostgreSQL 16 on, only an administrator of a role may grant it.
const ROLES = `
  begin;
  select pg_advisory_xact_lock(hashtext('skypanel roles'));
  do $$ begin
    if not exists (select from pg_roles where rolname = '${OWNER}') then
      create role ${OWNER} login createrole;
    end if;
    if not exists (select from pg_roles where rolname = '${LOGIN}') then
      create role ${LOGIN} login noinherit;
    end if;
    if current_setting('server_version_num')::int >= 160000
        and exists (select from pg_roles where rolname = 'skypanel_tenant') then
      grant skypanel_tenant, skypanel_system to ${OWNER} with admin option;
    end if;
  end $$;
  commit`

/** Makes the database; `drop` removes it, whoever is connected. */
export async function createDatabase() {
  const name = `skypanel_browser_${process.pid}_${randomBytes(3).toString('hex')}`
  await execute(ROLES)
  await execute(`create database ${name} owner ${OWNER}`)
  return {
    ownerUrl: urlOf(name, OWNER),
    loginUrl: urlOf(name, LOGIN),
    drop: () => execute(`drop database if exists ${name} with (force)`),
  }
}

async function execute(statements) {
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  try {
    await client.query(statements)
  } finally {
    await client.end()
  }
}

function serverUrl() {
  const url = process.env.TEST_DATABASE_URL
  if (!url) throw new Error('TEST_DATABASE_URL is not set: the superuser URL of a PostgreSQL for tests')
  return url
}

function urlOf(database, role) {
  const url = new URL(serverUrl())
  url.pathname = `/${database}`
  url.username = url.password = ''
  url.searchParams.set('user', role)
  return url.href
}
