/** What the hub holds about one person, handed over or erased, through the tables of all modules (places.ts). */
export { privacyRoutes } from './routes.ts'
